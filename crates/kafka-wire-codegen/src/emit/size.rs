//! The fewest bytes that an encoded struct takes: what a count is held against before anything is allocated.

use crate::emit::line;
use crate::table::{Kind, Struct};
use std::collections::BTreeMap;

pub(super) fn size_min_function(out: &mut String, shape: &Struct, shapes: &BTreeMap<&str, &Struct>) {
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

pub(super) fn size_of_plain(
    kind: &Kind,
    flexible: bool,
    shapes: &BTreeMap<&str, &Struct>,
    version: i16,
) -> usize {
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
