use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn would_block<T: fmt::Debug>(outcome: io::Result<T>) {
    assert_eq!(outcome.expect_err("nothing can be done now").kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_full_pipe_blocks_its_writer_until_the_reader_made_room() {
    let (mut near, mut far) = pipe_with_capacity(8);
    let (near_waker, far_waker) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    near.set_waker(near_waker.clone());
    far.set_waker(far_waker.clone());
    let mut buffer = [0; 16];

    would_block(far.read(&mut buffer));
    assert_eq!(near.write(b"0123456789").expect("open"), 8);
    assert_eq!((near_waker.take(), far_waker.take()), (0, 1), "data came");
    would_block(near.write(b"89"));

    assert_eq!(far.read(&mut buffer[..3]).expect("open"), 3);
    assert_eq!(&buffer[..3], b"012");
    assert_eq!((near_waker.take(), far_waker.take()), (1, 0), "room came");
    assert_eq!(near.write(b"89").expect("open"), 2);
    assert_eq!(far_waker.take(), 0, "the reader knows that there is data");
    assert_eq!(far.read(&mut buffer).expect("open"), 7);
    assert_eq!(&buffer[..7], b"3456789");
    would_block(far.read(&mut buffer));
}

#[test]
fn what_was_written_before_the_end_is_still_read() {
    let (mut near, mut far) = pipe();
    let waker = Arc::new(Counter::default());
    far.set_waker(waker.clone());
    near.write_all(b"last words").expect("open");
    drop(near);
    assert_eq!(waker.take(), 2, "data and the end");
    let mut buffer = [0; 16];
    assert_eq!(far.read(&mut buffer).expect("data first"), 10);
    assert_eq!(far.read(&mut buffer).expect("then the end"), 0);
    let error = far.write(b"anyone?").expect_err("nobody reads");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn both_ways_are_independent_and_work_across_threads() {
    let (mut near, far) = pipe_with_capacity(100);
    let echo = std::thread::spawn(move || {
        let mut far = far;
        let mut buffer = [0; 64];
        loop {
            match far.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    let mut rest = &buffer[..read];
                    while !rest.is_empty() {
                        match far.write(rest) {
                            Ok(written) => rest = &rest[written..],
                            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                                std::thread::yield_now();
                            }
                            Err(_) => return,
                        }
                    }
                }
                Err(_) => std::thread::yield_now(),
            }
        }
    });
    let sent: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
    let (mut written, mut received) = (0, Vec::new());
    while received.len() < sent.len() {
        written += near.write(&sent[written..]).unwrap_or(0);
        let mut buffer = [0; 64];
        match near.read(&mut buffer) {
            Ok(read) => received.extend_from_slice(&buffer[..read]),
            Err(_) => std::thread::yield_now(),
        }
    }
    assert!(received == sent);
    drop(near);
    echo.join().expect("the echo ends with the pipe");
}
