//! The message table: a text file that states, field by field, what a message looks like in which versions.
//!
//! One file describes one API (`api`, `request`, `response`) or a few records of one internal topic (`record`,
//! `fields`). Indentation nests the fields of a struct under the field that carries it; `struct` blocks name
//! shapes that several fields share. `crates/kafka-wire/tables/README.md` explains the notation to its readers.

use std::fmt;

/// An inclusive range of versions; an open end in the table is closed by the message's own last version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// First version, inclusive.
    pub first: i16,
    /// Last version, inclusive.
    pub last: i16,
}

impl Versions {
    /// Whether `version` lies in the range.
    pub fn contains(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }
}

/// What a field holds, without regard to nullability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fixed-size number or truth value, by its Rust name.
    Number(&'static str),
    /// A two-byte error code.
    Error,
    /// A UTF-8 string.
    String,
    /// Opaque bytes.
    Bytes,
    /// A 16-byte identifier.
    Uuid,
    /// Record batches, carried untouched.
    Records,
    /// A nested struct, by name.
    Struct(String),
    /// An array of one of the above.
    Array(Box<Kind>),
}

/// One field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Name in snake case.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The versions that carry it.
    pub versions: Versions,
    /// The versions in which it may be null.
    pub nullable: Option<Versions>,
    /// Its tag, if it travels in the tagged section.
    pub tag: Option<u32>,
    /// Its default where that is not zero, false, empty or (records) null.
    pub default: Option<String>,
    /// Whether a writer may drop it silently where the version lacks it.
    pub ignorable: bool,
}

/// A named list of fields.
#[derive(Clone, Debug)]
pub struct Struct {
    /// Type name in camel case.
    pub name: String,
    /// Fields in wire order.
    pub fields: Vec<Field>,
    /// Whether this is a message of its own rather than a part of one.
    pub root: bool,
    /// The versions of the message it belongs to.
    pub versions: Versions,
    /// First flexible version of that message.
    pub flexible: Option<i16>,
}

/// One table file.
#[derive(Clone, Debug)]
pub struct Table {
    /// File stem, which is also the Rust module's name.
    pub module: String,
    /// Key and name when the file describes an API.
    pub api: Option<Api>,
    /// Every struct, in the order of the file, messages after the structs they use.
    pub structs: Vec<Struct>,
}

/// The head of an API's table.
#[derive(Clone, Debug)]
pub struct Api {
    /// API key.
    pub key: i16,
    /// Name in camel case, as in the protocol guide.
    pub name: String,
    /// Versions the table defines.
    pub versions: Versions,
    /// First flexible version.
    pub flexible: Option<i16>,
}

/// A line of a table that cannot be understood.
#[derive(Debug)]
pub struct TableError {
    /// `file:line`.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for TableError {}

/// One non-empty line, split.
struct Line<'a> {
    number: usize,
    indent: usize,
    words: Vec<&'a str>,
}

impl Table {
    /// Reads the table `text` of the file `module`.
    ///
    /// # Errors
    /// The first line that does not follow the notation.
    pub fn parse(module: &str, text: &str) -> Result<Table, TableError> {
        let lines = text
            .lines()
            .enumerate()
            .filter_map(|(index, line)| {
                let line = line.split('#').next().unwrap_or_default();
                let words: Vec<&str> = line.split_whitespace().collect();
                (!words.is_empty()).then(|| Line {
                    number: index + 1,
                    indent: line.len() - line.trim_start().len(),
                    words,
                })
            })
            .collect();
        Parser { module, lines, at: 0, structs: Vec::new() }.table()
    }
}

struct Parser<'a> {
    module: &'a str,
    lines: Vec<Line<'a>>,
    at: usize,
    structs: Vec<Struct>,
}

impl Parser<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, TableError> {
        let line = self.lines.get(self.at.min(self.lines.len().saturating_sub(1)));
        let number = line.map_or(0, |line| line.number);
        Err(TableError { place: format!("{}.table:{number}", self.module), message: message.into() })
    }

    fn table(mut self) -> Result<Table, TableError> {
        let mut api: Option<Api> = None;
        let mut record: Option<String> = None;
        let mut versions = Versions { first: 0, last: 0 };
        let mut flexible = None;
        while self.at < self.lines.len() {
            let words = self.lines[self.at].words.clone();
            if self.lines[self.at].indent != 0 {
                return self.fail("a field outside of a block");
            }
            match words.as_slice() {
                ["api", key, name] => {
                    let Ok(key) = key.parse() else { return self.fail("the API key is not a number") };
                    api = Some(Api { key, name: (*name).to_owned(), versions, flexible });
                    self.at += 1;
                }
                ["record", name] => {
                    record = Some((*name).to_owned());
                    self.at += 1;
                }
                ["versions", range] => {
                    versions = self.versions(range, i16::MAX)?;
                    self.at += 1;
                }
                ["flexible", first] => {
                    flexible = match first.strip_suffix('+') {
                        Some(first) => match first.parse() {
                            Ok(first) => Some(first),
                            Err(_) => return self.fail("flexible wants `N+` or `none`"),
                        },
                        None if *first == "none" => None,
                        None => return self.fail("flexible wants `N+` or `none`"),
                    };
                    self.at += 1;
                }
                ["struct", name] => self.block(name, false, versions, flexible)?,
                ["request"] | ["response"] => {
                    let Some(api) = &mut api else { return self.fail("no `api` line before this block") };
                    api.versions = versions;
                    api.flexible = flexible;
                    let suffix = if words[0] == "request" { "Request" } else { "Response" };
                    let name = format!("{}{suffix}", api.name);
                    self.block(&name, true, versions, flexible)?;
                }
                ["fields"] => match record.take() {
                    Some(name) => self.block(&name, true, versions, flexible)?,
                    None => return self.fail("no `record` line before this block"),
                },
                _ => return self.fail(format!("unknown block `{}`", words.join(" "))),
            }
        }
        Ok(Table { module: self.module.to_owned(), api, structs: self.structs })
    }

    fn block(
        &mut self,
        name: &str,
        root: bool,
        versions: Versions,
        flexible: Option<i16>,
    ) -> Result<(), TableError> {
        self.at += 1;
        let fields = self.fields(2, versions, flexible)?;
        self.push(Struct { name: name.to_owned(), fields, root, versions, flexible })
    }

    fn push(&mut self, shape: Struct) -> Result<(), TableError> {
        if self.structs.iter().any(|other| other.name == shape.name) {
            return self.fail(format!("two structs named {}", shape.name));
        }
        self.structs.push(shape);
        Ok(())
    }

    fn fields(
        &mut self,
        indent: usize,
        versions: Versions,
        flexible: Option<i16>,
    ) -> Result<Vec<Field>, TableError> {
        let mut fields = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            if line.indent < indent {
                break;
            }
            if line.indent > indent {
                return self.fail("indented deeper than its block");
            }
            let field = self.field(versions)?;
            self.at += 1;
            if self.lines.get(self.at).is_some_and(|line| line.indent > indent) {
                let inner = match &field.kind {
                    Kind::Struct(name) => name.clone(),
                    Kind::Array(element) => match element.as_ref() {
                        Kind::Struct(name) => name.clone(),
                        _ => return self.fail("fields below something that is no struct"),
                    },
                    _ => return self.fail("fields below something that is no struct"),
                };
                let nested = self.fields(indent + 2, versions, flexible)?;
                self.push(Struct { name: inner, fields: nested, root: false, versions, flexible })?;
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn field(&self, message: Versions) -> Result<Field, TableError> {
        let words = &self.lines[self.at].words;
        let [name, kind, range, attributes @ ..] = words.as_slice() else {
            return self.fail("a field is `name type versions attributes...`");
        };
        let mut field = Field {
            name: (*name).to_owned(),
            kind: self.kind(kind)?,
            versions: self.versions(range, message.last)?,
            nullable: None,
            tag: None,
            default: None,
            ignorable: false,
        };
        let mut attributes = attributes.iter();
        while let Some(attribute) = attributes.next() {
            match (*attribute, attributes.as_slice().first()) {
                ("ignorable", _) => {
                    field.ignorable = true;
                    continue;
                }
                ("null", Some(range)) => field.nullable = Some(self.versions(range, message.last)?),
                ("tag", Some(tag)) => match tag.parse() {
                    Ok(tag) => field.tag = Some(tag),
                    Err(_) => return self.fail("the tag is not a number"),
                },
                ("=", Some(value)) => field.default = Some((*value).to_owned()),
                _ => return self.fail(format!("unknown attribute `{attribute}`")),
            }
            attributes.next();
        }
        Ok(field)
    }

    fn kind(&self, word: &str) -> Result<Kind, TableError> {
        const NUMBERS: [&str; 9] = ["i8", "i16", "u16", "i32", "u32", "i64", "f64", "bool", "u8"];
        if let Some(element) = word.strip_prefix("[]") {
            return Ok(Kind::Array(Box::new(self.kind(element)?)));
        }
        if let Some(number) = NUMBERS.iter().find(|number| **number == word) {
            return Ok(Kind::Number(number));
        }
        Ok(match word {
            "error" => Kind::Error,
            "string" => Kind::String,
            "bytes" => Kind::Bytes,
            "uuid" => Kind::Uuid,
            "records" => Kind::Records,
            _ if word.starts_with(|c: char| c.is_ascii_uppercase()) => Kind::Struct(word.to_owned()),
            _ => return self.fail(format!("unknown type `{word}`")),
        })
    }

    fn versions(&self, word: &str, last: i16) -> Result<Versions, TableError> {
        let (first, last) = match word.split_once('-') {
            Some((first, last)) => (first.parse(), last.parse()),
            None => match word.strip_suffix('+') {
                Some(first) => (first.parse(), Ok(last)),
                None => (word.parse(), word.parse()),
            },
        };
        match (first, last) {
            (Ok(first), Ok(last)) if first <= last => Ok(Versions { first, last }),
            _ => self.fail(format!("`{word}` is no range of versions")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Table, Versions};

    const TABLE: &str = "\
api 7 Ping  # a comment
versions 0-4
flexible 3+

struct Shared
  number  i32  0+

request
  name     string    0+   null 2+ = null ignorable
  shared   Shared    1-2
  items    []Item    0+
    id     uuid      3+   tag 5
    codes  []error   0

response
  error_code  error  0+   = -1
";

    #[test]
    fn a_table_is_read_field_by_field() {
        let table = Table::parse("ping", TABLE).unwrap();
        let api = table.api.unwrap();
        assert_eq!((api.key, api.name.as_str(), api.flexible), (7, "Ping", Some(3)));
        assert_eq!(api.versions, Versions { first: 0, last: 4 });
        let names: Vec<&str> = table.structs.iter().map(|shape| shape.name.as_str()).collect();
        assert_eq!(names, ["Shared", "Item", "PingRequest", "PingResponse"]);
        let [name, shared, items] = table.structs[2].fields.as_slice() else { panic!("three fields") };
        assert_eq!(name.nullable, Some(Versions { first: 2, last: 4 }));
        assert_eq!((name.default.as_deref(), name.ignorable), (Some("null"), true));
        assert_eq!(shared.versions, Versions { first: 1, last: 2 });
        assert_eq!(items.kind, Kind::Array(Box::new(Kind::Struct("Item".to_owned()))));
        let [id, codes] = table.structs[1].fields.as_slice() else { panic!("two fields") };
        assert_eq!((id.tag, &id.kind), (Some(5), &Kind::Uuid));
        assert_eq!(codes.kind, Kind::Array(Box::new(Kind::Error)));
        assert_eq!(codes.versions, Versions { first: 0, last: 0 });
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let check = |text: &str, expect: &str| {
            let error = Table::parse("t", text).expect_err(text);
            assert_eq!(error.to_string(), expect);
        };
        check("api x Ping", "t.table:1: the API key is not a number");
        check("request\n  a i32 0+", "t.table:1: no `api` line before this block");
        check("record R\nversions 0\nfields\n  a i99 0+", "t.table:4: unknown type `i99`");
        check(
            "record R\nversions 0\nfields\n  a i32",
            "t.table:4: a field is `name type versions attributes...`",
        );
        check("record R\nversions 0\nfields\n  a i32 3-1", "t.table:4: `3-1` is no range of versions");
        check("record R\nversions 0\nfields\n  a i32 0+ shiny", "t.table:4: unknown attribute `shiny`");
        check(
            "record R\nfields\n  a i32 0+\n    b i32 0+",
            "t.table:4: fields below something that is no struct",
        );
        check("flexible 3", "t.table:1: flexible wants `N+` or `none`");
        check("  a i32 0+", "t.table:1: a field outside of a block");
        check("struct S\nstruct S", "t.table:2: two structs named S");
    }
}
