//! Small text files that are replaced as a whole, never half: written beside, synced, renamed over,
//! and the directory synced.

use std::path::Path;

use disk::{Disk, File, Open};

use crate::error::{LogError, Result};
use crate::limits::TEXT_FILE_BYTES_MAX;

/// The content of a text file; `None` if there is no such file.
pub(crate) fn read<D: Disk>(disk: &D, path: &Path) -> Result<Option<String>> {
    if !disk.exists(path) {
        return Ok(None);
    }
    let fail = |source| LogError::io(path, source);
    let file = disk.open(path, Open::Read).map_err(fail)?;
    let length = file.length().map_err(fail)?;
    if length > TEXT_FILE_BYTES_MAX {
        return Err(LogError::corrupt(path, format!("{length} bytes are too many for this file")));
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, 0).map_err(fail)?;
    let text = String::from_utf8(bytes).map_err(|_| LogError::corrupt(path, "not text"))?;
    Ok(Some(text))
}

/// Replaces a file by `text`, durably and atomically.
pub(crate) fn replace<D: Disk>(disk: &D, path: &Path, text: &str) -> Result<()> {
    write(disk, path, text, true)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    disk.sync_directory(directory).map_err(|source| LogError::Io { path: directory.to_owned(), source })
}

/// Replaces a file by `text`, atomically for other readers but not for power cuts: after one, the file
/// may be old, empty or missing, and its owner must know how to do without.
pub(crate) fn replace_lazily<D: Disk>(disk: &D, path: &Path, text: &str) -> Result<()> {
    write(disk, path, text, false)
}

fn write<D: Disk>(disk: &D, path: &Path, text: &str, sync: bool) -> Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let beside = path.with_file_name(format!("{name}.tmp"));
    let fail = |source| LogError::io(&beside, source);
    let file = disk.open(&beside, Open::Replace).map_err(fail)?;
    file.write_at(text.as_bytes(), 0).map_err(fail)?;
    if sync {
        file.sync().map_err(|source| LogError::Io { path: beside.clone(), source })?;
    }
    drop(file);
    disk.rename(&beside, path).map_err(|source| LogError::io(path, source))
}
