//! Feeds libFuzzer's bytes to the target that `CASTLE_FUZZ_TARGET` names.

#![no_main]

use std::sync::OnceLock;

use fuzz::{TARGETS, Target};

static TARGET: OnceLock<&Target> = OnceLock::new();

fn named() -> &'static Target {
    let name = std::env::var("CASTLE_FUZZ_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        eprintln!("CASTLE_FUZZ_TARGET is {name:?}; there are:");
        for target in TARGETS {
            eprintln!("  {}", target.name);
        }
        std::process::exit(2)
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (TARGET.get_or_init(named).check)(bytes);
});
