//! Writes the encoder of a struct.

use crate::emit::field::{
    Flexible, condition, default_value, defaults_to_null, ident, meet, mentions_version, optional,
};
use crate::emit::line;
use crate::table::{Field, Kind, Struct, Versions};
use std::fmt::Write as _;

pub(super) fn encode(out: &mut String, shape: &Struct) {
    let flexible = Flexible::of(shape);
    let mut body = String::new();
    for field in shape.fields.iter().filter(|field| field.tag.is_none()) {
        let write = write_field(field, flexible, "writer", &format!("self.{}", ident(&field.name)));
        match condition(field.versions, shape.versions) {
            None => line(&mut body, &write),
            Some(condition) => line(&mut body, &format!("if {condition} {{ {write} }}")),
        }
    }
    let mut tagged: Vec<&Field> = shape.fields.iter().filter(|field| field.tag.is_some()).collect();
    tagged.sort_by_key(|field| field.tag);
    if tagged.is_empty() {
        flexible.guard(&mut body, "writer.no_tags();");
    } else {
        let mut section = "let mut tags = Tags::default();".to_owned();
        for field in tagged {
            let place = format!("self.{}", ident(&field.name));
            let flexible_versions =
                Versions { first: shape.flexible.unwrap_or(0), last: shape.versions.last };
            let differs = differs_from_default(field, &place);
            let guard = match condition(field.versions, flexible_versions) {
                Some(condition) => format!("{condition} && {differs}"),
                None => differs,
            };
            let write = write_field(field, Flexible::Always, "writer", &place);
            let _ = write!(
                section,
                "if {guard} {{ tags.put({}, |writer| {{ {write} }}); }}",
                field.tag.unwrap_or_default()
            );
        }
        section.push_str("writer.tags(tags);");
        flexible.guard(&mut body, &section);
    }
    let mut head = String::new();
    flexible.bind(&mut head, &body);
    let version = if mentions_version(&body) { "version" } else { "_version" };
    let writer = if body.contains("writer") { "writer" } else { "_writer" };
    line(out, &format!("fn encode(&self, {writer}: &mut Writer, {version}: i16) {{"));
    out.push_str(&head);
    out.push_str(&body);
    line(out, "}");
}

fn differs_from_default(field: &Field, place: &str) -> String {
    if optional(field) && defaults_to_null(field) {
        return format!("{place}.is_some()");
    }
    match (&field.kind, optional(field)) {
        (Kind::Array(_) | Kind::String | Kind::Bytes, false) => format!("!{place}.is_empty()"),
        (Kind::Number("bool"), false) if default_value(field) == "false" => place.to_owned(),
        (Kind::Number("bool"), false) => format!("!{place}"),
        _ => format!("{place} != {}", default_value(field)),
    }
}

/// The statement that writes a field that the version carries.
fn write_field(field: &Field, flexible: Flexible, writer: &str, place: &str) -> String {
    let compact = flexible.within(field.versions);
    if field.kind == Kind::Records {
        return format!("{writer}.records({compact}, {place}.as_ref());");
    }
    if !optional(field) {
        return write_plain(&field.kind, compact, writer, place, true);
    }
    let nullable = field.nullable.and_then(|nullable| meet(nullable, field.versions));
    // Where the version cannot say null, null is written as empty.
    let null = match (&field.kind, nullable.map(|nullable| condition(nullable, field.versions))) {
        (Kind::Struct(_), _) => None,
        (_, None) => Some("false".to_owned()),
        (_, Some(None)) => Some("true".to_owned()),
        (_, Some(Some(condition))) => Some(condition),
    };
    match &field.kind {
        Kind::String => {
            let null = null.expect("strings have a null");
            format!("{writer}.nullable_string({compact}, {null}, {place}.as_deref());")
        }
        Kind::Bytes => {
            let null = null.expect("bytes have a null");
            format!("{writer}.nullable_bytes({compact}, {null}, {place}.as_ref());")
        }
        Kind::Struct(_) => format!(
            "match &{place} {{ Some(part) => {{ {writer}.i8(1); part.encode({writer}, version); }} None => {writer}.i8(-1), }}"
        ),
        Kind::Array(element) => {
            let null = null.expect("arrays have a null");
            let each = write_plain(element, compact, writer, "item", false);
            format!(
                "{writer}.nullable_array_len({compact}, {null}, {place}.as_ref().map(Vec::len)); for item in {place}.iter().flatten() {{ {each} }}"
            )
        }
        other => panic!("a nullable {other:?} does not exist"),
    }
}

/// `owned`: whether `place` is the value itself (a field) rather than a reference (a loop variable).
fn write_plain(kind: &Kind, compact: &str, writer: &str, place: &str, owned: bool) -> String {
    let value = if owned { place.to_owned() } else { format!("*{place}") };
    let reference = if owned { format!("&{place}") } else { place.to_owned() };
    match kind {
        Kind::Number(number) => format!("{writer}.{number}({value});"),
        Kind::Error => format!("{writer}.error_code({value});"),
        Kind::Uuid => format!("{writer}.uuid({value});"),
        Kind::String => format!("{writer}.string({compact}, {reference});"),
        Kind::Bytes => format!("{writer}.bytes({compact}, {reference});"),
        Kind::Records => unreachable!("records are written as nullable"),
        Kind::Struct(_) => format!("{place}.encode({writer}, version);"),
        Kind::Array(element) => {
            let each = write_plain(element, compact, writer, "item", false);
            format!("{writer}.array_len({compact}, {place}.len()); for item in {reference} {{ {each} }}")
        }
    }
}
