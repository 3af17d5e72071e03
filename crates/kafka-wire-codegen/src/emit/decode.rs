//! Writes the decoder of a struct.

use crate::emit::field::{Flexible, condition, ident, meet, mentions_version, optional};
use crate::emit::line;
use crate::emit::size::size_of_plain;
use crate::table::{Field, Kind, Struct, Versions};
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub(super) fn decode(out: &mut String, shape: &Struct) {
    let flexible = Flexible::of(shape);
    let mut body = String::new();
    for field in shape.fields.iter().filter(|field| field.tag.is_none()) {
        let read = read_field(field, flexible);
        let assign = format!("message.{} = {read};", ident(&field.name));
        match condition(field.versions, shape.versions) {
            None => line(&mut body, &assign),
            Some(condition) => line(&mut body, &format!("if {condition} {{ {assign} }}")),
        }
    }
    let tagged: Vec<&Field> = shape.fields.iter().filter(|field| field.tag.is_some()).collect();
    if tagged.is_empty() {
        flexible.guard(&mut body, "reader.skip_tags()?;");
    } else {
        let mut arms = String::new();
        for field in tagged {
            let flexible_versions =
                Versions { first: shape.flexible.unwrap_or(0), last: shape.versions.last };
            let guard = condition(field.versions, flexible_versions)
                .map(|condition| format!(" if {condition}"))
                .unwrap_or_default();
            let read = read_field(field, Flexible::Always);
            let _ = writeln!(
                arms,
                "{}{guard} => {{ message.{} = {read}; }}",
                field.tag.unwrap_or_default(),
                ident(&field.name)
            );
        }
        let section = format!(
            "reader.tags(|tag, reader| {{ match tag {{ {arms} _ => return Ok(false), }} Ok(true) }})?;"
        );
        flexible.guard(&mut body, &section);
    }
    let mut head = String::new();
    if shape.root {
        line(&mut head, "crate::check_version::<Self>(version)?;");
    }
    flexible.bind(&mut head, &body);
    let version = if shape.root || mentions_version(&body) { "version" } else { "_version" };
    let reader = if body.contains("reader") { "reader" } else { "_reader" };
    line(out, &format!("fn decode({reader}: &mut Reader, {version}: i16) -> Result<Self, WireError> {{"));
    out.push_str(&head);
    if body.is_empty() {
        line(out, "Ok(Self::default())");
    } else if body.contains("message") {
        line(out, "let mut message = Self::default();");
        out.push_str(&body);
        line(out, "Ok(message)");
    } else {
        out.push_str(&body);
        line(out, "Ok(Self::default())");
    }
    line(out, "}");
}

/// The expression that reads a field that is present.
fn read_field(field: &Field, flexible: Flexible) -> String {
    let compact = flexible.within(field.versions);
    if field.kind == Kind::Records {
        return format!("reader.records({compact})?");
    }
    let Some(nullable) = field.nullable.and_then(|nullable| meet(nullable, field.versions)) else {
        let plain = read_plain(&field.kind, compact);
        return if optional(field) { format!("Some({plain})") } else { plain };
    };
    let null = read_nullable(&field.kind, compact);
    match condition(nullable, field.versions) {
        None => null,
        Some(condition) => {
            format!("if {condition} {{ {null} }} else {{ Some({}) }}", read_plain(&field.kind, compact))
        }
    }
}

fn read_plain(kind: &Kind, compact: &str) -> String {
    match kind {
        Kind::Number(number) => format!("reader.{number}()?"),
        Kind::Error => "reader.error_code()?".to_owned(),
        Kind::Uuid => "reader.uuid()?".to_owned(),
        Kind::String => format!("reader.string({compact})?"),
        Kind::Bytes => format!("reader.bytes({compact})?"),
        Kind::Records => unreachable!("records are read as nullable"),
        Kind::Struct(name) => format!("{name}::decode(reader, version)?"),
        Kind::Array(element) => {
            format!("reader.array({compact}, {})?", element_arguments(element, compact))
        }
    }
}

fn read_nullable(kind: &Kind, compact: &str) -> String {
    match kind {
        Kind::String => format!("reader.nullable_string({compact})?"),
        Kind::Bytes => format!("reader.nullable_bytes({compact})?"),
        Kind::Struct(name) => {
            format!("if reader.present()? {{ Some({name}::decode(reader, version)?) }} else {{ None }}")
        }
        Kind::Array(element) => {
            format!("reader.nullable_array({compact}, {})?", element_arguments(element, compact))
        }
        other => panic!("a nullable {other:?} does not exist"),
    }
}

/// Minimum size and reading closure of an array's elements.
fn element_arguments(kind: &Kind, compact: &str) -> String {
    let read = match kind {
        Kind::Number(number) => format!("Reader::{number}"),
        Kind::Error => "Reader::error_code".to_owned(),
        Kind::Uuid => "Reader::uuid".to_owned(),
        Kind::String => format!("|reader| reader.string({compact})"),
        Kind::Bytes => format!("|reader| reader.bytes({compact})"),
        Kind::Struct(name) => format!("|reader| {name}::decode(reader, version)"),
        Kind::Records | Kind::Array(_) => panic!("no arrays of {kind:?}"),
    };
    let size = match kind {
        Kind::Struct(name) => format!("{name}::size_min(version)"),
        _ => size_of_plain(kind, false, &BTreeMap::new(), 0).to_string(),
    };
    // A compact string may be one byte.
    let size = if matches!(kind, Kind::String | Kind::Bytes) { "1".to_owned() } else { size };
    format!("{size}, {read}")
}
