//! Tidiness that a machine can judge: banned words in names, marks of unfinished work, ignored and sleeping
//! tests, unbounded queues, files past the size at which one looks for a second noun.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::Outcome;

/// Files of more lines than this are listed by `LONG_FILES`, with the reason.
const LINES_MAX: usize = 900;

/// Files that may be longer, each with why.
const LONG_FILES: &[(&str, &str)] = &[];

/// File and folder names that say nothing.
const BANNED_NAMES: &[&str] = &["manager", "util", "utils", "common", "helper", "helpers", "misc", "impl"];

/// Text that may not stand in source, with why. Split so that this file does not find itself.
const BANNED_TEXT: &[(&str, &str)] = &[
    (concat!("to", "do!("), "unfinished work does not land"),
    (concat!("unimplem", "ented!("), "unfinished work does not land"),
    (concat!("#[ign", "ore"), "a test that does not run proves nothing"),
    (concat!("FIX", "ME"), "mend it, or file an issue"),
    (concat!("unbounded", "_channel"), "every queue has a bound"),
    (concat!("mpsc::chan", "nel()"), "every queue has a bound: use sync_channel"),
];

/// Text that may not stand in tests.
const BANNED_IN_TESTS: &[(&str, &str)] =
    &[(concat!("thread::sl", "eep"), "a test waits for a signal, never for time")];

/// Fails with every finding.
pub(crate) fn check(root: &Path) -> Outcome {
    let mut files = Vec::new();
    collect(&root.join("crates"), &mut files)?;
    let mut findings = Vec::new();
    for file in &files {
        let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if BANNED_NAMES.contains(&stem.as_str()) {
            findings.push(format!("{shown}: `{stem}` says nothing; find the noun"));
        }
        let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
        findings.extend(judge(&shown, &text));
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("not tidy:\n  {}", findings.join("\n  "))) }
}

fn judge(shown: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let generated = text.lines().take(4).any(|line| line.starts_with("//! Generated from"));
    let lines = text.lines().count();
    if !generated && lines > LINES_MAX && !LONG_FILES.iter().any(|(file, _)| *file == shown) {
        findings.push(format!("{shown}: {lines} lines; look for a second noun"));
    }
    let tests_from = if shown.contains("/tests") {
        0
    } else {
        text.lines().position(|line| line.trim() == "mod tests {").unwrap_or(usize::MAX)
    };
    for (number, line) in text.lines().enumerate() {
        for (banned, why) in BANNED_TEXT {
            if line.contains(banned) {
                findings.push(format!("{shown}:{}: `{banned}`: {why}", number + 1));
            }
        }
        for (banned, why) in BANNED_IN_TESTS {
            if number >= tests_from && line.contains(banned) {
                findings.push(format!("{shown}:{}: `{banned}`: {why}", number + 1));
            }
        }
    }
    findings
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", directory.display()))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_name_the_line() {
        let check =
            |text: &str, expect: usize| assert_eq!(judge("crates/x/src/y.rs", text).len(), expect, "{text}");
        check("fn good() {}\n", 0);
        check(concat!("fn bad() { to", "do!() }\n"), 1);
        check(concat!("std::thread::sl", "eep(x);\n"), 0);
        check(concat!("mod tests {\nstd::thread::sl", "eep(x);\n}\n"), 1);
        check(&"line\n".repeat(LINES_MAX + 1), 1);
        check(&format!("//! Generated from a table.\n{}", "line\n".repeat(LINES_MAX + 1)), 0);
    }
}
