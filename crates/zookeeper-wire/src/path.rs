//! The rules for paths, judged on UTF-16 units as the original does (so every character beyond the
//! basic plane is refused, being a pair of surrogates there).

use std::fmt;

/// Why a path is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathError {
    /// It is empty or does not start with a slash.
    NotAbsolute,
    /// It ends with a slash and is not the root.
    TrailingSlash,
    /// Two slashes in a row.
    EmptyName,
    /// A name of one dot or two.
    Relative,
    /// A character outside of what names may hold.
    BadCharacter(char),
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathError::NotAbsolute => write!(f, "a path starts with /"),
            PathError::TrailingSlash => write!(f, "a path does not end with /"),
            PathError::EmptyName => write!(f, "a name in a path is not empty"),
            PathError::Relative => write!(f, "a path has no . or .. in it"),
            PathError::BadCharacter(c) => write!(f, "a path does not hold {c:?}"),
        }
    }
}

impl std::error::Error for PathError {}

/// The whole path, as every create but a sequential one must satisfy it.
pub fn validate(path: &str) -> Result<(), PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    if path.len() == 1 {
        return Ok(());
    }
    if path.ends_with('/') {
        return Err(PathError::TrailingSlash);
    }
    for name in path[1..].split('/') {
        match name {
            "" => return Err(PathError::EmptyName),
            "." | ".." => return Err(PathError::Relative),
            _ => {}
        }
        // Almost every name is plain ASCII, which one pass over the bytes settles.
        if !name.bytes().all(|b| (0x20..0x7f).contains(&b))
            && let Some(bad) = name.chars().find(|&c| is_refused(c))
        {
            return Err(PathError::BadCharacter(bad));
        }
    }
    Ok(())
}

/// The path of a sequential create, to which digits will be appended: it may end in a slash, and its
/// last name may be dots.
pub fn validate_sequential(path: &str) -> Result<(), PathError> {
    let mut whole = String::with_capacity(path.len() + 1);
    whole.push_str(path);
    whole.push('1');
    validate(&whole)
}

fn is_refused(c: char) -> bool {
    matches!(u32::from(c), 0..=0x1f | 0x7f..=0x9f | 0xd800..=0xf8ff | 0xfff0..=0xffff | 0x1_0000..)
}

/// The path's parent; `/` for a child of the root, `None` for the root itself.
pub fn parent(path: &str) -> Option<&str> {
    match path.rfind('/') {
        Some(0) if path.len() == 1 => None,
        Some(0) => Some("/"),
        Some(slash) => Some(&path[..slash]),
        None => None,
    }
}

/// The last name of the path; empty for the root.
pub fn name(path: &str) -> &str {
    path.rfind('/').map_or(path, |slash| &path[slash + 1..])
}

#[cfg(test)]
mod tests;
