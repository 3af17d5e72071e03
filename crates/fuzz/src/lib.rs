//! What is fuzzed: for each decoder that bytes from outside reach, a function that feeds it and checks what must
//! hold of anything it accepts. The fuzzer itself, which needs a build of its own, is in `fuzz/` beside the
//! workspace; the inputs that it found worth keeping are in `corpus/`, and every test run replays them.

mod broker;
mod keeper;
mod recovery;
mod settings;

/// One function of bytes.
pub struct Target {
    /// Its name, which is that of its directory below `corpus/`.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub check: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "keeper-request", check: keeper::request },
    Target { name: "keeper-response", check: keeper::response },
    Target { name: "keeper-connect", check: keeper::connect },
    Target { name: "txn", check: keeper::txn },
    Target { name: "quorum-packet", check: keeper::quorum_packet },
    Target { name: "election", check: keeper::election },
    Target { name: "digest-md5", check: keeper::digest_md5 },
    Target { name: "log", check: recovery::log },
    Target { name: "snapshot", check: recovery::snapshot },
    Target { name: "kafka-request", check: broker::request },
    Target { name: "kafka-response", check: broker::response },
    Target { name: "batch", check: broker::batch },
    Target { name: "legacy-batch", check: broker::legacy_batch },
    Target { name: "compression", check: broker::compression },
    Target { name: "zoo-cfg", check: settings::zoo_cfg },
    Target { name: "server-properties", check: settings::server_properties },
];
