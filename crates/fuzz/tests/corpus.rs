//! Replays what the fuzzer found worth keeping, and bends it a little.

use std::path::Path;

/// `corpus/TARGET.txt` has an input a line, in hexadecimal; lines that begin with `#` say what the next one once
/// broke.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(format!("{target}.txt"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| bytes_of(line).unwrap_or_else(|| panic!("{target}: not hexadecimal: {line}"))).collect()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[test]
fn what_was_kept_breaks_nothing() {
    for target in fuzz::TARGETS {
        let corpus = corpus(target.name);
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        for (number, input) in corpus.iter().enumerate() {
            let told = std::panic::catch_unwind(|| (target.check)(input));
            assert!(told.is_ok(), "{}, input {number}: {input:02x?}", target.name);
            // Cut short at a few places: an end is the commonest damage.
            for part in 1..4 {
                let cut = &input[..input.len() * part / 4];
                let told = std::panic::catch_unwind(|| (target.check)(cut));
                assert!(told.is_ok(), "{}, input {number} cut: {cut:02x?}", target.name);
            }
        }
    }
}

#[test]
fn no_corpus_is_without_its_target() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in std::fs::read_dir(directory).expect("there is a corpus") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(fuzz::TARGETS.iter().any(|target| target.name == name), "{}", path.display());
    }
}
