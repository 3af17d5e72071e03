//! A field as Rust sees it: its name, type and default, and the versions in which it is there.

use crate::emit::line;
use crate::table::{Field, Kind, Struct, Versions};

pub(super) fn ident(name: &str) -> String {
    match name {
        "type" | "match" | "final" | "where" | "use" | "move" | "ref" => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

pub(super) fn kind_type(kind: &Kind) -> String {
    match kind {
        Kind::Number(number) => (*number).to_owned(),
        Kind::Error => "ErrorCode".to_owned(),
        Kind::String => "String".to_owned(),
        Kind::Bytes => "Bytes".to_owned(),
        Kind::Uuid => "Uuid".to_owned(),
        Kind::Records => "Records".to_owned(),
        Kind::Struct(name) => name.clone(),
        Kind::Array(element) => format!("Vec<{}>", kind_type(element)),
    }
}

pub(super) fn optional(field: &Field) -> bool {
    field.nullable.is_some() || field.kind == Kind::Records
}

pub(super) fn rust_type(field: &Field) -> String {
    let inner = kind_type(&field.kind);
    if optional(field) { format!("Option<{inner}>") } else { inner }
}

pub(super) fn defaults_to_null(field: &Field) -> bool {
    field.kind == Kind::Records || field.default.as_deref() == Some("null")
}

pub(super) fn default_is_rusts(field: &Field) -> bool {
    if optional(field) { defaults_to_null(field) } else { field.default.is_none() }
}

pub(super) fn default_value(field: &Field) -> String {
    if optional(field) && defaults_to_null(field) {
        return "None".to_owned();
    }
    let inner = match (&field.kind, field.default.as_deref()) {
        (Kind::String, Some(text)) => format!("\"{text}\".to_owned()"),
        (Kind::String, None) => "String::new()".to_owned(),
        (Kind::Bytes, _) => "Bytes::new()".to_owned(),
        (Kind::Uuid, _) => "Uuid::ZERO".to_owned(),
        (Kind::Error, None) => "ErrorCode::NONE".to_owned(),
        (Kind::Error, Some(code)) => format!("ErrorCode({code})"),
        (Kind::Array(_), _) => "Vec::new()".to_owned(),
        (Kind::Struct(name), _) => format!("{name}::default()"),
        (Kind::Records, _) => unreachable!("records default to null"),
        (Kind::Number("bool"), default) => default.unwrap_or("false").to_owned(),
        (Kind::Number("f64"), default) => default.unwrap_or("0.0").to_owned(),
        (Kind::Number("i32"), Some("2147483647")) => "i32::MAX".to_owned(),
        (Kind::Number("i32"), Some("-2147483648")) => "i32::MIN".to_owned(),
        (Kind::Number("i64"), Some("9223372036854775807")) => "i64::MAX".to_owned(),
        (Kind::Number(_), default) => default.unwrap_or("0").to_owned(),
    };
    if optional(field) { format!("Some({inner})") } else { inner }
}

/// The condition under which `inner` holds, given that `outer` does; `None` when always.
pub(super) fn condition(inner: Versions, outer: Versions) -> Option<String> {
    let from = inner.first > outer.first;
    let to = inner.last < outer.last;
    match (from, to) {
        (false, false) => None,
        _ if inner.first == inner.last => Some(format!("version == {}", inner.first)),
        (true, false) => Some(format!("version >= {}", inner.first)),
        (false, true) => Some(format!("version <= {}", inner.last)),
        (true, true) => Some(format!("({}..={}).contains(&version)", inner.first, inner.last)),
    }
}

pub(super) fn meet(a: Versions, b: Versions) -> Option<Versions> {
    let both = Versions { first: a.first.max(b.first), last: a.last.min(b.last) };
    (both.first <= both.last).then_some(both)
}

/// How the code says whether a version is flexible: a constant where the message leaves no choice.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Flexible {
    Never,
    Always,
    Since(i16),
}

impl Flexible {
    pub(super) fn of(shape: &Struct) -> Flexible {
        match shape.flexible {
            None => Flexible::Never,
            Some(first) if first <= shape.versions.first => Flexible::Always,
            Some(first) => Flexible::Since(first),
        }
    }

    /// The expression inside of a field present in `versions`.
    pub(super) fn within(self, versions: Versions) -> &'static str {
        match self {
            Flexible::Never => "false",
            Flexible::Always => "true",
            Flexible::Since(first) if versions.first >= first => "true",
            Flexible::Since(first) if versions.last < first => "false",
            Flexible::Since(_) => "flexible",
        }
    }

    /// The condition for the tagged section.
    pub(super) fn guard(self, out: &mut String, body: &str) {
        match self {
            Flexible::Never => {}
            Flexible::Always => line(out, body),
            Flexible::Since(_) => line(out, &format!("if flexible {{ {body} }}")),
        }
    }

    /// Binds `flexible` where `body` mentions it.
    pub(super) fn bind(self, out: &mut String, body: &str) {
        if let Flexible::Since(first) = self
            && body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == "flexible")
        {
            line(out, &format!("let flexible = version >= {first};"));
        }
    }
}

pub(super) fn mentions_version(body: &str) -> bool {
    // A field may be called `version` too; the parameter never stands behind a dot.
    let body = body.replace(".version", "");
    body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| word == "version" || word == "flexible")
}
