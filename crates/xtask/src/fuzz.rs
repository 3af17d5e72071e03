//! `cargo xtask fuzz`: libFuzzer over the targets of `crates/fuzz`, built by the stable compiler.
//!
//! The counters in every branch are a pass of LLVM that the stable compiler has, too; only sanitizers would need
//! another one. What a run found worth keeping goes into `crates/fuzz/corpus` with `--keep`, which every
//! `cargo test` replays.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Outcome, cargo, command, root, run, run_quietly};
use crate::tools::{path, remove};

/// What cargo-fuzz passes, too.
const COUNTERS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
const HOST: &str = "x86_64-unknown-linux-gnu";
/// No decoder here needs more to show what it does, and short inputs are many.
const INPUT_BYTES_MAX: usize = 4096;
/// An input that is kept is no longer than this, and a target keeps no more of them than that: the corpus is read
/// by people, and replayed by every test run.
const KEPT_BYTES_MAX: u64 = 1024;
const KEPT_INPUTS_MAX: usize = 300;

struct Options<'a> {
    targets: Vec<&'a str>,
    minutes: f64,
    keep: bool,
}

/// Mutations from seeds, or libFuzzer.
pub(crate) fn fuzz(arguments: &[&str]) -> Outcome {
    if let ["--seeds", seeds] = arguments {
        return mutations(seeds);
    }
    let mut options = Options { targets: Vec::new(), minutes: 1.0, keep: false };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "--minutes" => {
                let minutes = words.next().and_then(|minutes| minutes.parse().ok());
                options.minutes = minutes.ok_or("--minutes wants a number")?;
            }
            "--keep" => options.keep = true,
            option if option.starts_with('-') => {
                return Err(format!(
                    "fuzz knows [TARGET...] [--minutes N] [--keep] and --seeds N, not {option}"
                ));
            }
            target => options.targets.push(target),
        }
    }
    let program = build()?;
    let all = names()?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.iter().any(|known| known == *name)) {
        return Err(format!("there is no target {unknown}; there are {}", all.join(", ")));
    }
    for name in
        all.iter().filter(|name| options.targets.is_empty() || options.targets.contains(&name.as_str()))
    {
        one(&program, name, &options)?;
    }
    Ok(())
}

/// The keeper's decoders and recovery against bytes that are bent by a seed; needs no build of its own.
fn mutations(seeds: &str) -> Outcome {
    for package in ["zookeeper-wire", "txnlog"] {
        let arguments = ["test", "--release", "--quiet", "--package", package, "--test", "mutations"];
        run(&format!("mutations of {package}"), cargo(&arguments).env("CASTLE_FUZZ_SEEDS", seeds))?;
    }
    Ok(())
}

/// A target's name is that of its file in the corpus; a test sees to that.
fn names() -> Outcome<Vec<String>> {
    let directory = root().join("crates/fuzz/corpus");
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn build() -> Outcome<PathBuf> {
    let home = root().join("fuzz");
    // The same versions as everywhere; the fuzzer's own come on top.
    fs::copy(root().join("Cargo.lock"), home.join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let target = root().join("target/fuzz");
    let mut build =
        cargo(&["build", "--release", "--quiet", "--target", HOST, "--target-dir", path(&target)]);
    run("build of the fuzzer", build.current_dir(&home).env("RUSTFLAGS", COUNTERS))?;
    Ok(target.join(HOST).join("release/castle-fuzz"))
}

fn one(program: &Path, name: &str, options: &Options<'_>) -> Outcome {
    let work = root().join("target/fuzz/work").join(name);
    let (corpus, broken) = (work.join("corpus"), work.join("broken"));
    let failed = |error: std::io::Error| format!("{}: {error}", work.display());
    for directory in [&corpus, &broken] {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    for (number, input) in kept(name)?.iter().enumerate() {
        fs::write(corpus.join(format!("kept-{number}")), input).map_err(failed)?;
    }
    let seconds = (options.minutes * 60.0).max(1.0);
    let limits = [
        format!("-max_total_time={seconds:.0}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-artifact_prefix={}/", broken.display()),
        // An allocation beyond this was not of bytes that we have seen.
        "-malloc_limit_mb=64".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        "-timeout=10".to_owned(),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ];
    let mut fuzzer = command(path(program), &[]);
    fuzzer.args(&limits).arg(&corpus).env("CASTLE_FUZZ_TARGET", name);
    let told = run(&format!("fuzzing {name}"), &mut fuzzer);
    if let Err(reason) = told {
        return Err(format!("{reason}\nthe input is in {}", broken.display()));
    }
    if options.keep { keep(program, name, &work) } else { Ok(()) }
}

fn keep(program: &Path, name: &str, work: &Path) -> Outcome {
    let least = work.join("least");
    remove(&least)?;
    let failed = |error: std::io::Error| format!("{}: {error}", least.display());
    fs::create_dir_all(&least).map_err(failed)?;
    let mut merge = command(path(program), &["-merge=1", path(&least), path(&work.join("corpus"))]);
    run_quietly(&format!("the least that covers as much of {name}"), merge.env("CASTLE_FUZZ_TARGET", name))?;
    let mut inputs = Vec::new();
    for entry in fs::read_dir(&least).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.metadata().map_err(failed)?.len() <= KEPT_BYTES_MAX {
            inputs.push(fs::read(entry.path()).map_err(failed)?);
        }
    }
    inputs.sort_by_key(|input| (input.len(), input.clone()));
    inputs.truncate(KEPT_INPUTS_MAX);
    // What once broke something stays, with its remark.
    let file = file_of(name);
    let old = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut text = String::new();
    let mut lines = old.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            let input = lines.next().ok_or_else(|| format!("{}: no input behind {line}", file.display()))?;
            let _ = writeln!(text, "{line}\n{input}");
        }
    }
    for input in inputs {
        for byte in input {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
}

fn file_of(name: &str) -> PathBuf {
    root().join("crates/fuzz/corpus").join(format!("{name}.txt"))
}

fn kept(name: &str) -> Outcome<Vec<Vec<u8>>> {
    let file = file_of(name);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let pairs = line.as_bytes().chunks(2);
            let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
            bytes
                .collect::<Option<Vec<u8>>>()
                .ok_or_else(|| format!("{}: not hexadecimal: {line}", file.display()))
        })
        .collect()
}
