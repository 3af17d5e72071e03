//! The generated code against its tables: every message in every version, fresh, faithful and unharmed by
//! hostile bytes.

mod every;
mod oracle;
mod sampler;

use bytes::Bytes;
use every::{Visit, every};
use kafka_wire::{Message, Reader, Writer};
use kafka_wire_codegen::table::Table;
use sampler::Sampler;
use std::collections::BTreeMap;
use std::fmt::Debug;

fn all_tables() -> BTreeMap<String, Table> {
    let home = kafka_wire_codegen::home();
    let mut all = BTreeMap::new();
    for (folder, path) in
        [("message", kafka_wire_codegen::MESSAGE_TABLES), ("records", kafka_wire_codegen::RECORD_TABLES)]
    {
        for table in kafka_wire_codegen::tables(&home.join(path)).expect("the tables are readable") {
            all.insert(format!("{folder}/{}", table.module), table);
        }
    }
    all
}

fn encode<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version);
    writer.into_bytes()
}

#[test]
fn committed_code_is_what_the_tables_say() {
    let home = kafka_wire_codegen::home();
    let outputs = kafka_wire_codegen::generate(&home).unwrap();
    kafka_wire_codegen::check(&home, &outputs).unwrap();
}

struct RoundTrip(BTreeMap<String, Table>);

impl Visit for RoundTrip {
    fn visit<M: Message + Debug + PartialEq + Clone>(&mut self, table: &str, name: &str) {
        for version in M::VERSIONS {
            for seed in 0..25 {
                let context = format!("{name} v{version} seed {seed}");
                let sample = Bytes::from(Sampler::new(&self.0[table], seed).sample(name, version));
                let mut reader = Reader::new(sample.clone());
                let message = M::decode(&mut reader, version).unwrap_or_else(|e| panic!("{context}: {e}"));
                assert_eq!(reader.remaining(), 0, "{context}");
                assert_eq!(encode(&message, version), sample, "{context}: {message:?}");

                let future = Sampler::new(&self.0[table], seed).with_unknown_tags().sample(name, version);
                let mut reader = Reader::new(Bytes::from(future));
                let message = M::decode(&mut reader, version).unwrap_or_else(|e| panic!("{context}: {e}"));
                assert_eq!(reader.remaining(), 0, "{context}");
                let again = M::decode(&mut Reader::new(encode(&message, version)), version);
                assert_eq!(again, Ok(message), "{context}");
            }
        }
    }
}

#[test]
fn every_message_survives_in_every_version() {
    every(&mut RoundTrip(all_tables()));
}

struct Hostile(BTreeMap<String, Table>);

impl Visit for Hostile {
    fn visit<M: Message + Debug + PartialEq + Clone>(&mut self, table: &str, name: &str) {
        let mut random = fastrand::Rng::with_seed(name.len() as u64);
        for version in M::VERSIONS {
            let sample = Sampler::new(&self.0[table], 1).sample(name, version);
            // Every cut of a valid message is an error, never a panic.
            for cut in 0..sample.len().min(200) {
                let bytes = Bytes::copy_from_slice(&sample[..cut]);
                assert!(
                    M::decode(&mut Reader::new(bytes), version).is_err(),
                    "{name} v{version} cut at {cut}"
                );
            }
            for _ in 0..60 {
                let mut garbled = sample.clone();
                for _ in 0..random.usize(1..5) {
                    if let Some(byte) = random.choice(&mut garbled) {
                        *byte = *random.choice(&[0, 1, 0x7f, 0x80, 0xff]).expect("not empty");
                    }
                }
                if let Ok(message) = M::decode(&mut Reader::new(Bytes::from(garbled)), version) {
                    let again = M::decode(&mut Reader::new(encode(&message, version)), version);
                    // Not a number equals nothing, itself included.
                    assert!(again == Ok(message.clone()) || format!("{message:?}").contains("NaN"), "{name}");
                }
                let length = random.usize(..80);
                let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
                let _ = M::decode(&mut Reader::new(Bytes::from(noise)), version);
            }
        }
    }
}

#[test]
fn hostile_bytes_are_errors() {
    every(&mut Hostile(all_tables()));
}

struct Unknown;

impl Visit for Unknown {
    fn visit<M: Message + Debug + PartialEq + Clone>(&mut self, _: &str, name: &str) {
        for version in [*M::VERSIONS.start() - 1, *M::VERSIONS.end() + 1, i16::MIN, i16::MAX] {
            let result = M::decode(&mut Reader::new(Bytes::from_static(&[0; 64])), version);
            let refused = Err(kafka_wire::WireError::UnsupportedVersion { version });
            assert_eq!(result, refused, "{name} v{version}");
        }
    }
}

#[test]
fn versions_outside_of_the_table_are_refused() {
    every(&mut Unknown);
}
