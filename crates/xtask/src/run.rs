//! Running other programs: say what runs, fail with what ran.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// An error is a sentence for the person at the keyboard.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask is two below the root")
        .into()
}

/// A command that starts in the root of the repository.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Cargo, the one that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), arguments)
}

/// Runs to the end; its output goes where ours goes.
pub(crate) fn run(title: &str, command: &mut Command) -> Outcome {
    eprintln!("── {title}");
    let begin = Instant::now();
    let status = command.status().map_err(|error| format!("{title}: cannot start {command:?}: {error}"))?;
    if !status.success() {
        return Err(format!("{title} failed ({status}): {command:?}"));
    }
    eprintln!("   {title}: {:.1} s", begin.elapsed().as_secs_f32());
    Ok(())
}

/// Runs to the end, quietly; shows the output only when it fails.
pub(crate) fn run_quietly(title: &str, command: &mut Command) -> Outcome {
    eprintln!("── {title}");
    let begin = Instant::now();
    let output = command.output().map_err(|error| format!("{title}: cannot start {command:?}: {error}"))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(format!("{title} failed ({}): {command:?}", output.status));
    }
    eprintln!("   {title}: {:.1} s", begin.elapsed().as_secs_f32());
    Ok(())
}

/// Whether a program answers at all.
pub(crate) fn answers(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
}
