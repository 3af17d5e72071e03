//! What commands print: a table for people, or JSON for programs.

use std::io::{self, Write};

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for a terminal.
    #[default]
    Table,
    /// One JSON value.
    Json,
}

/// The option that every command with a result has: `#[command(flatten)] output: Output`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Output {
    /// How to print the result
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "table", global = true)]
    pub(crate) format: Format,
}

/// Prints a line on stdout. A reader that went away (`castle topic list | head -1`) is no error: the
/// command ends quietly.
pub(crate) fn line(text: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{}", text.as_ref()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a JSON value, indented.
pub(crate) fn json(value: &serde_json::Value) {
    line(format!("{value:#}"));
}

/// A table without borders, as wide as the terminal.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for text in table.lines() {
        // The cell's own margin, but not the column's width: it may be empty.
        line(text.strip_prefix(' ').unwrap_or(&text).trim_end());
    }
}
