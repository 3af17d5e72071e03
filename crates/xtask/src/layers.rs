//! Who may use whom: the table of ARCHITECTURE.md compared with the manifests.
//!
//! The table lives in ARCHITECTURE.md between two marks, so that the page a person reads is the page
//! that is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::run::Outcome;

const BEGIN: &str = "<!-- begin layers -->";
const END: &str = "<!-- end layers -->";

/// Fails with the first arrow that is not in the table, or the first crate that has no row.
pub(crate) fn check(root: &Path) -> Outcome {
    let page = fs::read_to_string(root.join("ARCHITECTURE.md"))
        .map_err(|error| format!("ARCHITECTURE.md: {error}"))?;
    let table = parse_table(&page)?;
    let mut crates = BTreeMap::new();
    for entry in fs::read_dir(root.join("crates")).map_err(|error| format!("crates: {error}"))? {
        let folder = entry.map_err(|error| format!("crates: {error}"))?.path();
        if let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            crates.insert(name, manifest);
        }
    }
    let known: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    for (name, manifest) in &crates {
        let allowed = table
            .get(name)
            .ok_or_else(|| format!("crate {name} has no row in the table of layers in ARCHITECTURE.md"))?;
        for dependency in dependencies(manifest) {
            if known.contains(dependency.as_str()) && !allowed.contains(&dependency) {
                return Err(format!(
                    "crate {name} uses {dependency}, which the table of layers in ARCHITECTURE.md does not \
                     allow: remove the arrow, or change the table with a decision record"
                ));
            }
        }
    }
    if let Some(gone) = table.keys().find(|name| !known.contains(name.as_str())) {
        return Err(format!("the table of layers names {gone}, which does not exist"));
    }
    Ok(())
}

/// Rows `| crate | may use |`, names separated by commas, `nothing` for none.
fn parse_table(page: &str) -> Outcome<BTreeMap<String, BTreeSet<String>>> {
    let (_, rest) = page.split_once(BEGIN).ok_or_else(|| format!("ARCHITECTURE.md has no {BEGIN}"))?;
    let (rows, _) = rest.split_once(END).ok_or_else(|| format!("ARCHITECTURE.md has no {END}"))?;
    let mut table = BTreeMap::new();
    for row in rows.lines().filter(|row| row.starts_with("| `")) {
        let mut cells = row.split('|').skip(1).map(names);
        let (Some(owners), Some(used)) = (cells.next(), cells.next()) else {
            return Err(format!("not a row of the table of layers: {row}"));
        };
        for owner in owners {
            table.insert(owner, used.clone());
        }
    }
    Ok(table)
}

fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names under `[dependencies]`; dev-dependencies may point anywhere.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            found.push(name.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_owners_and_what_they_may_use() {
        let page =
            format!("{BEGIN}\n| crate | may use |\n|---|---|\n| `a`, `b` | `c` |\n| `c` | nothing |\n{END}");
        let table = parse_table(&page).expect("a table");
        assert_eq!(table["b"], BTreeSet::from(["c".to_owned()]));
        assert_eq!(table["c"], BTreeSet::new());
    }

    #[test]
    fn only_plain_dependencies_count() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb = \"1\"\n\
                        [dev-dependencies]\nc = \"1\"\n";
        assert_eq!(dependencies(manifest), ["a", "b"]);
    }
}
