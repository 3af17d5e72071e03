//! Decoders against bytes that nobody meant. What is kept in `corpus/` is decoded as it is, then bent
//! in ways drawn from a seed: no decoder may panic or believe a length that it has not seen the bytes
//! of, and what it accepts it must write down and read again as the same.
//!
//! `CASTLE_FUZZ_SEEDS` says how many seeds (`cargo xtask fuzz` sets it); a failure names its seed.

#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping

use bytes::Bytes;
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::txn::TxnEntry;
use zookeeper_wire::{
    ConnectRequest, ConnectResponse, MultiResult, OpCode, ReplyHeader, Request, RequestHeader, Response,
    WatcherEvent,
};

/// Operations whose responses have bodies.
const OPS: &[i32] =
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 19, 21, 22, 100, 101, 102, 103, 104, 106, 107];

fn corpus() -> Vec<(OpCode, Vec<u8>)> {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    (include_str!("corpus/requests.txt").lines().filter(|line| !line.starts_with('#')))
        .map(|line| {
            let (op, body) = line.split_once(' ').unwrap_or((line, ""));
            (OpCode(op.parse().unwrap()), hex(body))
        })
        .collect()
}

/// Everything that can be read from these bytes; what is accepted must survive being written.
fn decode_all(op: OpCode, bytes: &[u8]) {
    let reader = || Reader::new(Bytes::copy_from_slice(bytes));
    if let Ok(request) = Request::decode(op, &mut reader()) {
        let mut writer = Writer::new();
        request.encode(&mut writer);
        let again = Request::decode(op, &mut Reader::new(writer.finish())).unwrap();
        assert_eq!(again, request);
    }
    if let Ok(response) = Response::decode(op, &mut reader()) {
        let mut writer = Writer::new();
        response.encode(&mut writer);
        let again = Response::decode(op, &mut Reader::new(writer.finish())).unwrap();
        assert_eq!(again, response);
    }
    if let Ok(entry) = TxnEntry::decode(Bytes::copy_from_slice(bytes)) {
        let mut writer = Writer::new();
        entry.encode(&mut writer);
        assert_eq!(TxnEntry::decode(writer.finish()).unwrap(), entry);
    }
    let _ = ConnectRequest::decode(&mut reader());
    let _ = ConnectResponse::decode(&mut reader());
    let _ = MultiResult::read_all(&mut reader());
    let _ = reader().record::<RequestHeader>();
    let _ = reader().record::<ReplyHeader>();
    let _ = reader().record::<WatcherEvent>();
}

fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..5) {
        let at = random.usize(..=bytes.len());
        match random.u8(..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes.truncate(at),
            2 if at + 4 <= bytes.len() => {
                let odd = [i32::MAX, i32::MIN, -1, -2, 0, 1, 1 << 20, random.i32(..)];
                bytes[at..at + 4].copy_from_slice(&odd[random.usize(..odd.len())].to_be_bytes());
            }
            3 => bytes.insert(at, random.u8(..)),
            4 if !other.is_empty() => {
                let from = random.usize(..other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            5 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ => bytes.extend_from_slice(&random.i32(-2..9).to_be_bytes()),
        }
    }
    bytes.truncate(4096);
}

#[test]
fn what_is_kept_is_decoded_and_well_formed_requests_are_understood() {
    let mut understood = 0;
    for (op, body) in corpus() {
        decode_all(op, &body);
        understood += usize::from(Request::decode(op, &mut Reader::new(Bytes::from(body))).is_ok());
    }
    assert!(understood > 60, "{understood}");
}

#[test]
fn no_mutation_breaks_a_decoder() {
    let seeds: u64 =
        std::env::var("CASTLE_FUZZ_SEEDS").map_or(20_000, |seeds| seeds.parse().expect("a number"));
    let corpus = corpus();
    for seed in 0..seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let (op, body) = &corpus[random.usize(..corpus.len())];
        let op = if random.u8(..4) == 0 { OpCode(OPS[random.usize(..OPS.len())]) } else { *op };
        let mut bytes = body.clone();
        let other = &corpus[random.usize(..corpus.len())].1;
        mutate(&mut bytes, other, &mut random);
        let told = std::panic::catch_unwind(|| decode_all(op, &bytes));
        assert!(told.is_ok(), "seed {seed}: operation {}, {bytes:02x?}", op.0);
    }
}
