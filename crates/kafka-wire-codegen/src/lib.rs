//! Turns the message tables of `kafka-wire` into its Rust source.
//!
//! The tables are the source that people read and edit; the Rust is committed beside them, and a test holds
//! the two together. Output goes through `rustfmt`, so that it reads and diffs like everything else.

mod emit;
pub mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use table::Table;

/// The tables of the APIs, below the `kafka-wire` crate.
pub const MESSAGE_TABLES: &str = "tables";

/// The tables of the records, below the `kafka-wire` crate.
pub const RECORD_TABLES: &str = "tables/records";

/// A generated file: where it belongs below the `kafka-wire` crate, and its text.
#[derive(Debug)]
pub struct Output {
    /// Path below the crate's folder.
    pub path: PathBuf,
    /// Formatted Rust.
    pub text: String,
}

/// Why no code came out.
#[derive(Debug)]
pub enum CodegenError {
    /// A table does not follow the notation.
    Table(table::TableError),
    /// A file could not be read or written.
    File(PathBuf, std::io::Error),
    /// `rustfmt` is missing or refused the output.
    Format(String),
    /// With `--check`: these committed files differ from what the tables say.
    Stale(Vec<PathBuf>),
}

impl std::fmt::Display for CodegenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CodegenError::Table(error) => write!(f, "{error}"),
            CodegenError::File(path, error) => write!(f, "{}: {error}", path.display()),
            CodegenError::Format(message) => write!(f, "rustfmt: {message}"),
            CodegenError::Stale(paths) => {
                writeln!(f, "generated files differ from their tables; run `cargo xtask codegen`:")?;
                for path in paths {
                    writeln!(f, "  {}", path.display())?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for CodegenError {}

/// `cargo xtask codegen [--check]`: writes the generated files, or only compares them.
///
/// # Errors
/// See [`CodegenError`].
pub fn run(args: &[String]) -> Result<(), CodegenError> {
    let home = home();
    let outputs = generate(&home)?;
    if args.iter().any(|arg| arg == "--check") {
        return check(&home, &outputs);
    }
    for output in &outputs {
        let path = home.join(&output.path);
        if std::fs::read_to_string(&path).is_ok_and(|text| text == output.text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| CodegenError::File(folder.to_owned(), error))?;
        }
        std::fs::write(&path, &output.text).map_err(|error| CodegenError::File(path, error))?;
    }
    Ok(())
}

/// The folder of the `kafka-wire` crate in this checkout.
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../kafka-wire")
}

/// Compares `outputs` with the files below `home`.
///
/// # Errors
/// [`CodegenError::Stale`] names every file that differs.
pub fn check(home: &Path, outputs: &[Output]) -> Result<(), CodegenError> {
    let stale: Vec<PathBuf> = outputs
        .iter()
        .filter(|output| !std::fs::read_to_string(home.join(&output.path)).is_ok_and(|t| t == output.text))
        .map(|output| output.path.clone())
        .collect();
    if stale.is_empty() { Ok(()) } else { Err(CodegenError::Stale(stale)) }
}

/// Reads every table below `home` and makes every generated file.
///
/// # Errors
/// See [`CodegenError`].
pub fn generate(home: &Path) -> Result<Vec<Output>, CodegenError> {
    let messages = tables(&home.join(MESSAGE_TABLES))?;
    let records = tables(&home.join(RECORD_TABLES))?;
    let mut outputs = Vec::new();
    for (folder, doc, tables) in [
        ("message", "Requests and responses, one module per API.", &messages),
        (
            "records",
            "What the internal topics and the client-side protocols keep in keys and values.",
            &records,
        ),
    ] {
        let names: Vec<&str> = tables.iter().map(|table| table.module.as_str()).collect();
        outputs
            .push(Output { path: format!("src/{folder}.rs").into(), text: emit::module_list(doc, &names) });
        for table in tables {
            outputs.push(Output {
                path: format!("src/{folder}/{}.rs", table.module).into(),
                text: emit::module(table),
            });
        }
    }
    outputs.push(Output { path: "tests/tables/every.rs".into(), text: emit::every(&messages, &records) });
    outputs.push(Output { path: "src/api_key.rs".into(), text: emit::api_keys(&messages) });
    format(home, outputs)
}

/// Reads the tables in `folder`, in order of their names.
///
/// # Errors
/// A file that cannot be read, or that does not follow the notation.
pub fn tables(folder: &Path) -> Result<Vec<Table>, CodegenError> {
    let failed = |error| CodegenError::File(folder.to_owned(), error);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "table") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut tables = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| CodegenError::File(path.clone(), error))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        tables.push(Table::parse(&stem, &text).map_err(CodegenError::Table)?);
    }
    Ok(tables)
}

/// Runs every file through `rustfmt`.
fn format(home: &Path, outputs: Vec<Output>) -> Result<Vec<Output>, CodegenError> {
    let mut formatted = Vec::new();
    for output in outputs {
        formatted.push(Output { text: rustfmt(home, &output.text)?, path: output.path });
    }
    Ok(formatted)
}

fn rustfmt(home: &Path, text: &str) -> Result<String, CodegenError> {
    let failed = |error: std::io::Error| CodegenError::Format(error.to_string());
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--config-path"])
        .arg(home.join("../../rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut stdin = child.stdin.take().expect("stdin was piped");
    let text = text.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().map_err(failed)?;
    let fed = feeder.join();
    if !output.status.success() || !matches!(fed, Ok(Ok(()))) {
        return Err(CodegenError::Format(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(|error| CodegenError::Format(error.to_string()))
}
