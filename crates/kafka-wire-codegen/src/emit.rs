//! From tables to Rust: one module per table, plain code, a block per field.

mod decode;
mod encode;
mod field;
mod size;

use crate::table::{Kind, Struct, Table, Versions};
use decode::decode;
use encode::encode;
use field::{default_is_rusts, default_value, ident, rust_type};
use size::size_min_function;
use std::collections::BTreeMap;

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
