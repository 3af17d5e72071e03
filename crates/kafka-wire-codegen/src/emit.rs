//! From tables to Rust: one module per table, plain code, a block per field.

use crate::table::{Field, Kind, Struct, Table, Versions};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Writes the Rust module of one table (not yet run through `rustfmt`).
pub(crate) fn module(table: &Table) -> String {
    let mut out = String::new();
    let shapes: BTreeMap<&str, &Struct> = table.structs.iter().map(|s| (s.name.as_str(), s)).collect();
    match &table.api {
        Some(api) => {
            line(&mut out, &format!("//! `{}`, API key {}, {}.", api.name, api.key, span(api.versions)));
        }
        None => {
            let names: Vec<String> = roots(table).map(|s| format!("`{}`", s.name)).collect();
            line(&mut out, &format!("//! {}.", names.join(", ")));
        }
    }
    line(&mut out, "//!");
    line(&mut out, "//! Generated from the table of the same name by `cargo xtask codegen`; edit that.");
    line(&mut out, "");
    let mut names = vec!["Message", "Reader", "WireError", "Writer"];
    if table.api.is_some() {
        names.extend(["ApiKey", "Request"]);
    }
    let uses = |probe: fn(&Kind) -> bool| {
        table.structs.iter().flat_map(|s| &s.fields).any(|f| probe(&f.kind) || probe(element(&f.kind)))
    };
    for (name, probe) in [
        ("ErrorCode", (|k| *k == Kind::Error) as fn(&Kind) -> bool),
        ("Records", |k| *k == Kind::Records),
        ("Uuid", |k| *k == Kind::Uuid),
    ] {
        if uses(probe) {
            names.push(name);
        }
    }
    if table.structs.iter().flat_map(|s| &s.fields).any(|f| f.tag.is_some()) {
        names.push("Tags");
    }
    names.sort_unstable();
    line(&mut out, &format!("use crate::{{{}}};", names.join(", ")));
    if uses(|k| *k == Kind::Bytes) {
        line(&mut out, "use bytes::Bytes;");
    }
    let mut ordered: Vec<&Struct> = Vec::new();
    for root in roots(table) {
        visit(root, &shapes, &mut ordered);
    }
    for shape in ordered {
        structure(&mut out, table, shape, &shapes);
    }
    out
}

/// Writes the `ApiKey` enum from the heads of all API tables.
pub(crate) fn api_keys(tables: &[Table]) -> String {
    let mut apis: Vec<_> = tables.iter().filter_map(|table| table.api.as_ref()).collect();
    apis.sort_by_key(|api| api.key);
    let mut out = String::new();
    line(&mut out, "//! The API keys, with what the tables say about each.");
    line(&mut out, "//!");
    line(&mut out, "//! Generated from the heads of the tables by `cargo xtask codegen`; edit those.");
    line(&mut out, "");
    line(&mut out, "use std::ops::RangeInclusive;");
    line(&mut out, "/// An API that the tables define.");
    line(&mut out, "#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]");
    line(&mut out, "#[repr(i16)]");
    line(&mut out, "pub enum ApiKey {");
    for api in &apis {
        line(&mut out, &format!("/// `{}`, {}.", api.name, span(api.versions)));
        line(&mut out, &format!("{} = {},", api.name, api.key));
    }
    line(&mut out, "}");
    line(&mut out, "impl ApiKey {");
    line(&mut out, "/// Every API, by key.");
    line(&mut out, &format!("pub const ALL: [ApiKey; {}] = [", apis.len()));
    for api in &apis {
        line(&mut out, &format!("ApiKey::{},", api.name));
    }
    line(&mut out, "];");
    line(&mut out, "/// The API of a key on the wire, if the tables define it.");
    line(&mut out, "pub fn from_i16(key: i16) -> Option<ApiKey> { Some(match key {");
    for api in &apis {
        line(&mut out, &format!("{} => ApiKey::{},", api.key, api.name));
    }
    line(&mut out, "_ => return None, }) }");
    line(&mut out, "/// The name the protocol guide uses.");
    line(&mut out, "pub fn name(self) -> &'static str { match self {");
    for api in &apis {
        line(&mut out, &format!("ApiKey::{0} => \"{0}\",", api.name));
    }
    line(&mut out, "} }");
    line(&mut out, "/// First version with compact lengths and tagged fields, if any.");
    line(&mut out, "pub fn flexible_since(self) -> Option<i16> { Some(match self {");
    for api in &apis {
        match api.flexible {
            Some(first) => line(&mut out, &format!("ApiKey::{} => {first},", api.name)),
            None => line(&mut out, &format!("ApiKey::{} => return None,", api.name)),
        }
    }
    line(&mut out, "}) }");
    line(&mut out, "/// The versions the tables define; what a broker advertises is its own decision.");
    line(&mut out, "pub fn spec_versions(self) -> RangeInclusive<i16> { match self {");
    for api in &apis {
        line(&mut out, &format!("ApiKey::{} => {}..={},", api.name, api.versions.first, api.versions.last));
    }
    line(&mut out, "} }");
    line(&mut out, "}");
    out
}

/// Writes the file that declares the generated modules `names`.
pub(crate) fn module_list(doc: &str, names: &[&str]) -> String {
    let mut out = String::new();
    line(&mut out, &format!("//! {doc}"));
    line(&mut out, "//!");
    line(&mut out, "//! Fields carry the names of Kafka's protocol guide, which is their documentation.");
    line(&mut out, "//! Generated by `cargo xtask codegen`.");
    line(&mut out, "#![allow(missing_docs)]");
    line(&mut out, "// Decoders begin with the defaults and fill in what the version carries.");
    line(&mut out, "#![allow(clippy::field_reassign_with_default)]");
    for name in names {
        line(&mut out, &format!("pub mod {name};"));
    }
    out
}

/// Writes the list of all messages that tests walk over.
pub(crate) fn every(messages: &[Table], records: &[Table]) -> String {
    let mut out = String::new();
    line(&mut out, "//! Every message that the tables define, for tests that visit them all.");
    line(&mut out, "//!");
    line(&mut out, "//! Generated by `cargo xtask codegen`.");
    line(&mut out, "");
    line(&mut out, "use kafka_wire::{Message, message, records};");
    line(&mut out, "");
    line(&mut out, "/// Is shown every message type, with the table's and its own name.");
    line(&mut out, "pub(crate) trait Visit {");
    line(&mut out, "/// One message.");
    line(
        &mut out,
        "fn visit<M: Message + std::fmt::Debug + PartialEq + Clone>(&mut self, table: &str, name: &str);",
    );
    line(&mut out, "}");
    line(&mut out, "");
    line(&mut out, "/// Shows `visitor` everything.");
    line(&mut out, "pub(crate) fn every(visitor: &mut impl Visit) {");
    for (folder, tables) in [("message", messages), ("records", records)] {
        for table in tables {
            for root in roots(table) {
                let (module, name) = (&table.module, &root.name);
                let text = format!(
                    "visitor.visit::<{folder}::{module}::{name}>(\"{folder}/{module}\", \"{name}\");"
                );
                line(&mut out, &text);
            }
        }
    }
    line(&mut out, "}");
    out
}

fn roots(table: &Table) -> impl Iterator<Item = &Struct> {
    table.structs.iter().filter(|s| s.root)
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn span(versions: Versions) -> String {
    if versions.first == versions.last {
        format!("version {}", versions.first)
    } else {
        format!("versions {} to {}", versions.first, versions.last)
    }
}

fn element(kind: &Kind) -> &Kind {
    match kind {
        Kind::Array(element) => element,
        other => other,
    }
}

/// Parents before children, as a reader wants them.
fn visit<'a>(shape: &'a Struct, shapes: &BTreeMap<&str, &'a Struct>, ordered: &mut Vec<&'a Struct>) {
    if ordered.iter().any(|other| other.name == shape.name) {
        return;
    }
    ordered.push(shape);
    for field in &shape.fields {
        if let Kind::Struct(name) = element(&field.kind) {
            visit(shapes[name.as_str()], shapes, ordered);
        }
    }
}

fn structure(out: &mut String, table: &Table, shape: &Struct, shapes: &BTreeMap<&str, &Struct>) {
    let name = &shape.name;
    line(out, "");
    if shape.root {
        line(out, &format!("/// `{name}`, {}.", span(shape.versions)));
    } else {
        line(out, &format!("/// `{name}`."));
    }
    let derivable = shape.fields.iter().all(default_is_rusts);
    let derives = if derivable { "Clone, Debug, Default, PartialEq" } else { "Clone, Debug, PartialEq" };
    line(out, &format!("#[derive({derives})]"));
    if shape.fields.is_empty() {
        line(out, &format!("pub struct {name} {{}}"));
    } else {
        line(out, &format!("pub struct {name} {{"));
        for field in &shape.fields {
            line(out, &format!("pub {}: {},", ident(&field.name), rust_type(field)));
        }
        line(out, "}");
    }
    if !derivable {
        line(out, "");
        line(out, &format!("impl Default for {name} {{ fn default() -> Self {{ Self {{"));
        for field in &shape.fields {
            line(out, &format!("{}: {},", ident(&field.name), default_value(field)));
        }
        line(out, "} } }");
    }
    let is_element = table
        .structs
        .iter()
        .flat_map(|s| &s.fields)
        .any(|f| matches!(&f.kind, Kind::Array(e) if **e == Kind::Struct(name.clone())));
    if is_element {
        size_min_function(out, shape, shapes);
    }
    line(out, "");
    line(out, &format!("impl Message for {name} {{"));
    line(
        out,
        &format!(
            "const VERSIONS: std::ops::RangeInclusive<i16> = {}..={};",
            shape.versions.first, shape.versions.last
        ),
    );
    line(out, "");
    decode(out, shape);
    line(out, "");
    encode(out, shape);
    line(out, "}");
    if let Some(api) = &table.api
        && *name == format!("{}Request", api.name)
    {
        line(out, "");
        line(out, &format!("impl Request for {name} {{"));
        line(out, &format!("const API: ApiKey = ApiKey::{};", api.name));
        line(out, &format!("type Response = {}Response;", api.name));
        line(out, "}");
    }
}

fn ident(name: &str) -> String {
    match name {
        "type" | "match" | "final" | "where" | "use" | "move" | "ref" => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

fn kind_type(kind: &Kind) -> String {
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

fn optional(field: &Field) -> bool {
    field.nullable.is_some() || field.kind == Kind::Records
}

fn rust_type(field: &Field) -> String {
    let inner = kind_type(&field.kind);
    if optional(field) { format!("Option<{inner}>") } else { inner }
}

fn defaults_to_null(field: &Field) -> bool {
    field.kind == Kind::Records || field.default.as_deref() == Some("null")
}

fn default_is_rusts(field: &Field) -> bool {
    if optional(field) { defaults_to_null(field) } else { field.default.is_none() }
}

fn default_value(field: &Field) -> String {
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
fn condition(inner: Versions, outer: Versions) -> Option<String> {
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

fn meet(a: Versions, b: Versions) -> Option<Versions> {
    let both = Versions { first: a.first.max(b.first), last: a.last.min(b.last) };
    (both.first <= both.last).then_some(both)
}

/// How the code says whether a version is flexible: a constant where the message leaves no choice.
#[derive(Clone, Copy, PartialEq)]
enum Flexible {
    Never,
    Always,
    Since(i16),
}

impl Flexible {
    fn of(shape: &Struct) -> Flexible {
        match shape.flexible {
            None => Flexible::Never,
            Some(first) if first <= shape.versions.first => Flexible::Always,
            Some(first) => Flexible::Since(first),
        }
    }

    /// The expression inside of a field present in `versions`.
    fn within(self, versions: Versions) -> &'static str {
        match self {
            Flexible::Never => "false",
            Flexible::Always => "true",
            Flexible::Since(first) if versions.first >= first => "true",
            Flexible::Since(first) if versions.last < first => "false",
            Flexible::Since(_) => "flexible",
        }
    }

    /// The condition for the tagged section.
    fn guard(self, out: &mut String, body: &str) {
        match self {
            Flexible::Never => {}
            Flexible::Always => line(out, body),
            Flexible::Since(_) => line(out, &format!("if flexible {{ {body} }}")),
        }
    }

    /// Binds `flexible` where `body` mentions it.
    fn bind(self, out: &mut String, body: &str) {
        if let Flexible::Since(first) = self
            && body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == "flexible")
        {
            line(out, &format!("let flexible = version >= {first};"));
        }
    }
}

fn mentions_version(body: &str) -> bool {
    // A field may be called `version` too; the parameter never stands behind a dot.
    let body = body.replace(".version", "");
    body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| word == "version" || word == "flexible")
}

fn decode(out: &mut String, shape: &Struct) {
    let flexible = Flexible::of(shape);
    let mut body = String::new();
    for field in shape.fields.iter().filter(|field| field.tag.is_none()) {
        let read = read_field(field, shape, flexible);
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
            let read = read_field(field, shape, Flexible::Always);
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
fn read_field(field: &Field, shape: &Struct, flexible: Flexible) -> String {
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
            let _ = shape;
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

fn encode(out: &mut String, shape: &Struct) {
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

fn size_min_function(out: &mut String, shape: &Struct, shapes: &BTreeMap<&str, &Struct>) {
    let sizes: Vec<usize> = (shape.versions.first..=shape.versions.last)
        .map(|version| size_min(shape, version, shapes))
        .collect();
    let mut arms: Vec<(i16, i16, usize)> = Vec::new();
    for (version, size) in (shape.versions.first..).zip(sizes) {
        match arms.last_mut() {
            Some((_, last, known)) if *known == size => *last = version,
            _ => arms.push((version, version, size)),
        }
    }
    line(out, "");
    line(out, &format!("impl {} {{", shape.name));
    line(out, "/// Fewest bytes an encoded one takes.");
    if let [(_, _, size)] = arms.as_slice() {
        line(out, &format!("fn size_min(_version: i16) -> usize {{ {size} }}"));
    } else {
        line(out, "fn size_min(version: i16) -> usize { match version {");
        let (_, _, last) = arms.pop().expect("a message has a version");
        for (from, to, size) in arms {
            let range = if from == to { format!("{from}") } else { format!("{from}..={to}") };
            line(out, &format!("{range} => {size},"));
        }
        line(out, &format!("_ => {last},"));
        line(out, "} }");
    }
    line(out, "}");
}

fn size_min(shape: &Struct, version: i16, shapes: &BTreeMap<&str, &Struct>) -> usize {
    let flexible = shape.flexible.is_some_and(|first| version >= first);
    let fields = shape.fields.iter().filter(|field| field.tag.is_none() && field.versions.contains(version));
    let sum: usize = fields
        .map(|field| match &field.kind {
            Kind::Struct(_) if field.nullable.is_some() => 1,
            kind => size_of_plain(kind, flexible, shapes, version),
        })
        .sum();
    sum + usize::from(flexible)
}

fn size_of_plain(kind: &Kind, flexible: bool, shapes: &BTreeMap<&str, &Struct>, version: i16) -> usize {
    match kind {
        Kind::Number("bool" | "i8" | "u8") => 1,
        Kind::Number("i16" | "u16") | Kind::Error => 2,
        Kind::Number("i32" | "u32") => 4,
        Kind::Number(_) => 8,
        Kind::Uuid => 16,
        Kind::String => {
            if flexible {
                1
            } else {
                2
            }
        }
        Kind::Bytes | Kind::Records | Kind::Array(_) => {
            if flexible {
                1
            } else {
                4
            }
        }
        Kind::Struct(name) => size_min(shapes[name.as_str()], version, shapes),
    }
}
