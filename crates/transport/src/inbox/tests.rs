use super::*;

const RULES: FrameRules = FrameRules { bytes_max: 1 << 20, first_word: true };

/// A source that gives at most `step` bytes a read.
struct Trickle<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl io::Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.step.min(buffer.len()).min(self.bytes.len());
        buffer[..taken].copy_from_slice(&self.bytes[..taken]);
        self.bytes = &self.bytes[taken..];
        Ok(taken)
    }
}

impl Source for Trickle<'_> {
    fn read_spare(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let spare = buffer.capacity() - buffer.len();
        let taken = self.step.min(limit).min(spare).min(self.bytes.len());
        buffer.extend_from_slice(&self.bytes[..taken]);
        self.bytes = &self.bytes[taken..];
        Ok(taken)
    }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// Everything that comes out of `bytes` when they arrive `step` at a time.
fn cut(bytes: &[u8], step: usize) -> (Vec<Cut>, Result<(), FrameError>, Inbox) {
    let mut inbox = Inbox::new(RULES);
    let mut scratch = Scratch::new();
    let mut source = Trickle { bytes, step };
    let mut cuts = Vec::new();
    loop {
        loop {
            match inbox.next_cut() {
                Ok(Some(cut)) => cuts.push(cut),
                Ok(None) => break,
                Err(error) => return (cuts, Err(error), inbox),
            }
        }
        if inbox.fill(&mut source, &mut scratch).expect("a slice does not fail").bytes == 0 {
            return (cuts, Ok(()), inbox);
        }
    }
}

#[test]
fn frames_come_out_however_the_bytes_arrive() {
    let large: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let payloads: [&[u8]; 7] = [b"", b"a", b"four", &large[..5_000], &large, b"after", &large[..40_000]];
    let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(payload)).collect();
    for step in [1, 2, 3, 5, 7, 4_096, 65_536, 1 << 20] {
        let (cuts, end, inbox) = cut(&bytes, step);
        assert_eq!(end, Ok(()), "step {step}");
        assert_eq!(cuts.len(), payloads.len(), "step {step}");
        for (cut, payload) in cuts.iter().zip(payloads) {
            let Cut::Frame(frame) = cut else { panic!("no word was sent: {cut:?}") };
            assert!(frame == payload, "step {step}, payload of {} bytes", payload.len());
        }
        assert_eq!(inbox.held_bytes(), 0, "step {step}");
    }
}

#[test]
fn lengths_outside_the_rules_are_refused_before_anything_is_allocated() {
    let check = |head: [u8; 4], expect: Result<(), FrameError>| {
        let mut bytes = frame(b"good");
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(b"never looked at");
        let (cuts, end, inbox) = cut(&bytes, bytes.len());
        assert_eq!(cuts, [Cut::Frame(Bytes::from_static(b"good"))]);
        assert_eq!(end, expect);
        assert!(inbox.held_bytes() <= bytes.len());
        assert!(inbox.partial.capacity() <= limits::LARGE_FRAME_FIRST_BYTES);
    };
    let too_long = |length: i32| Err(FrameError::TooLong { length, bytes_max: RULES.bytes_max });
    check((1i32 << 20).to_be_bytes(), Ok(()));
    check(((1i32 << 20) + 1).to_be_bytes(), too_long((1 << 20) + 1));
    check(i32::MAX.to_be_bytes(), too_long(i32::MAX));
    check(i32::MIN.to_be_bytes(), Err(FrameError::Negative { length: i32::MIN }));
    check((-1i32).to_be_bytes(), Err(FrameError::Negative { length: -1 }));
    check(*b"GET ", too_long(1_195_725_856));
    check(*b"ruok", too_long(i32::from_be_bytes(*b"ruok")));
}

#[test]
fn a_failure_is_final() {
    let mut inbox = Inbox::new(RULES);
    inbox.feed(&[0xff; 4]);
    let error = FrameError::Negative { length: -1 };
    assert_eq!(inbox.next_cut(), Err(error));
    assert_eq!(inbox.next_cut(), Err(error));
}

#[test]
fn a_word_is_taken_only_as_the_first_four_bytes() {
    for step in [1, 3, 64] {
        let (cuts, end, inbox) = cut(b"ruok and then anything \xff\xff\xff\xff", step);
        assert_eq!(cuts, [Cut::Word(*b"ruok")], "step {step}");
        assert_eq!((end, inbox.held_bytes()), (Ok(()), 0), "step {step}");
    }
    let (cuts, end, _) = cut(b"GET / HTTP/1.1\r\n", 64);
    assert_eq!(cuts, []);
    assert_eq!(end, Err(FrameError::TooLong { length: 1_195_725_856, bytes_max: RULES.bytes_max }));
}

#[test]
fn a_stream_that_ends_inside_a_frame_yields_only_what_was_whole() {
    let whole = frame(b"whole");
    for torn in [&b"\0"[..], b"\0\0\0", b"\0\0\0\x05", b"\0\0\0\x05four"] {
        let bytes = [&whole[..], torn].concat();
        let (cuts, end, inbox) = cut(&bytes, 4);
        assert_eq!(cuts, [Cut::Frame(Bytes::from_static(b"whole"))]);
        assert_eq!((end, inbox.held_bytes()), (Ok(()), torn.len()));
    }
}

#[test]
fn a_claimed_length_costs_memory_only_as_bytes_arrive() {
    let rules = FrameRules { bytes_max: 100 << 20, first_word: false };
    let mut inbox = Inbox::new(rules);
    let mut scratch = Scratch::new();
    let mut received = 0;
    let mut bytes = (90i32 << 20).to_be_bytes().to_vec();
    bytes.resize(1 << 20, 7);
    let mut source = Trickle { bytes: &bytes, step: 1_000 };
    loop {
        assert_eq!(inbox.next_cut(), Ok(None));
        let read = inbox.fill(&mut source, &mut scratch).expect("a slice does not fail").bytes;
        if read == 0 {
            break;
        }
        received += read;
        let allowed = (received * limits::LARGE_FRAME_GROWTH).max(limits::LARGE_FRAME_FIRST_BYTES);
        assert!(inbox.partial.capacity() <= allowed, "{} for {received}", inbox.partial.capacity());
    }
    assert_eq!(received, bytes.len());
}

#[test]
fn small_frames_share_the_read_buffer_and_a_torn_one_does_not_pin_it() {
    let mut bytes: Vec<u8> = (0..100u8).flat_map(|n| frame(&[n; 10])).collect();
    bytes.extend_from_slice(&[0, 0, 0, 9, 1]);
    let mut inbox = Inbox::new(RULES);
    let mut scratch = Scratch::new();
    inbox.fill(&mut &bytes[..], &mut scratch).expect("a slice does not fail");
    let mut last: Option<Bytes> = None;
    while let Ok(Some(Cut::Frame(frame))) = inbox.next_cut() {
        if let Some(last) = last {
            assert_eq!(last.as_ptr() as usize + 14, frame.as_ptr() as usize, "one buffer, no copies");
        }
        last = Some(frame);
    }
    assert_eq!(inbox.held_bytes(), 5);
    assert!(inbox.partial.capacity() < 64);
}
