use super::*;

/// A sink that takes at most `room` bytes before it would block, `step` at a time.
struct Narrow {
    taken: Vec<u8>,
    room: usize,
    step: usize,
    writes: usize,
}

impl Narrow {
    fn new(room: usize, step: usize) -> Self {
        Narrow { taken: Vec::new(), room, step, writes: 0 }
    }
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room).min(self.step);
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.taken.extend_from_slice(&bytes[..taken]);
        self.room -= taken;
        self.writes += 1;
        Ok(taken)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut joined = Vec::new();
        for slice in slices {
            let wanted = self.room.min(self.step) - joined.len();
            joined.extend_from_slice(&slice[..wanted.min(slice.len())]);
        }
        self.write(&joined)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pieces() -> Vec<Bytes> {
    (0..200usize).map(|n| Bytes::from(vec![n as u8; if n % 7 == 0 { 5_000 + n } else { n }])).collect()
}

#[test]
fn bytes_leave_in_order_however_little_the_sink_takes() {
    let expect: Vec<u8> = pieces().concat();
    for (room, step) in [(usize::MAX, usize::MAX), (17, 5), (10_000, 333), (4_097, usize::MAX)] {
        let mut pool = BufferPool::new();
        let mut outbox = Outbox::new();
        for piece in pieces() {
            outbox.push(piece, &mut pool);
        }
        assert_eq!(outbox.waiting_bytes(), expect.len());
        let mut sink = Narrow::new(room, step);
        while !outbox.flush(&mut sink, &mut pool).expect("a vector does not fail") {
            assert_eq!(outbox.waiting_bytes(), expect.len() - sink.taken.len());
            sink.room = room;
        }
        assert!(sink.taken == expect, "room {room}, step {step}");
        assert!(outbox.is_empty() && outbox.pieces.is_empty() && outbox.pieces.capacity() <= 8);
    }
}

#[test]
fn many_small_replies_are_one_write() {
    let mut pool = BufferPool::new();
    let mut outbox = Outbox::new();
    for _ in 0..1_000 {
        outbox.push_copy(&[1; 100], &mut pool);
    }
    let mut sink = Narrow::new(usize::MAX, usize::MAX);
    assert!(outbox.flush(&mut sink, &mut pool).expect("a vector does not fail"));
    assert_eq!((sink.taken.len(), sink.writes), (100_000, 1));
}

#[test]
fn a_sink_that_takes_nothing_is_an_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut pool = BufferPool::new();
    let mut outbox = Outbox::new();
    outbox.push_copy(b"x", &mut pool);
    let error = outbox.flush(&mut Closed, &mut pool).expect_err("nothing was taken");
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
}
