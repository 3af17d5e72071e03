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

/// Text that somebody else chose, safe on a terminal and on one line: what does not print is shown as Rust
/// writes it in a string (`\n`, `\u{1b}`), quotes as they are.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for part in text.split_inclusive(['\'', '"']) {
        let quote = part.chars().next_back().filter(|char| matches!(char, '\'' | '"'));
        let body = part.strip_suffix(['\'', '"']).unwrap_or(part);
        safe.extend(body.escape_debug());
        safe.extend(quote);
    }
    safe
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_chose_does_not_move_the_cursor() {
        let check = |text: &str, expect: &str| assert_eq!(escaped(text), expect);
        check("/a/b", "/a/b");
        check("/caf\u{e9}/cafe\u{301}", "/caf\u{e9}/cafe\u{301}");
        check("/it's \"here\"", "/it's \"here\"");
        check("/\u{1b}[2J\r\n", "/\\u{1b}[2J\\r\\n");
        check("/\u{202e}txt\u{9b}1m\0", "/\\u{202e}txt\\u{9b}1m\\0");
        check("/a\\n", "/a\\\\n");
        check("", "");
    }
}
