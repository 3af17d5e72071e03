//! The comma-separated `name=value` list of a digest response (RFC 2831, 7.2).

use super::Refused;

/// The directives of one message, in order.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Directives(Vec<(String, String)>);

impl Directives {
    /// Reads a list; names are compared without case, and none may come twice.
    pub(super) fn parse(message: &[u8]) -> Result<Directives, Refused> {
        let text = std::str::from_utf8(message).map_err(|_| Refused::Malformed("it is not UTF-8"))?;
        let mut directives: Vec<(String, String)> = Vec::new();
        let mut rest = text.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=').ok_or(Refused::Malformed("a name has no value"))?;
            let name = name.trim().to_ascii_lowercase();
            if name.is_empty() || directives.iter().any(|(before, _)| *before == name) {
                return Err(Refused::Malformed("a name is empty or comes twice"));
            }
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => unquote(quoted)?,
                None => {
                    let end = after.find(',').unwrap_or(after.len());
                    (after[..end].trim_end().to_owned(), &after[end..])
                }
            };
            directives.push((name, value));
            let after = after.trim_start();
            if !after.is_empty() && !after.starts_with(',') {
                return Err(Refused::Malformed("a comma is missing"));
            }
            rest = after.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        }
        Ok(Directives(directives))
    }

    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(here, _)| here == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refused> {
        self.optional(name).ok_or(Refused::Malformed("something that it must have is missing"))
    }
}

/// A quoted value, whose opening quote is gone, and what follows the closing one.
fn unquote(text: &str) -> Result<(String, &str), Refused> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped)) => value.push(escaped),
                None => break,
            },
            _ => value.push(char),
        }
    }
    Err(Refused::Malformed("a quote is not closed"))
}
