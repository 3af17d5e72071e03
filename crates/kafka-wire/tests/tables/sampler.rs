//! Writes random but valid messages straight from a table: a second reading of the notation, which the
//! generated code is compared with.

use kafka_wire_codegen::table::{Field, Kind, Struct, Table};

/// Makes the bytes of messages of one table.
pub(crate) struct Sampler<'a> {
    table: &'a Table,
    random: fastrand::Rng,
    /// Whether tagged sections also get fields that no table knows.
    unknown_tags: bool,
    out: Vec<u8>,
}

impl<'a> Sampler<'a> {
    /// Samples without unknown tagged fields.
    pub(crate) fn new(table: &'a Table, seed: u64) -> Self {
        Self { table, random: fastrand::Rng::with_seed(seed), unknown_tags: false, out: Vec::new() }
    }

    /// Also puts in tagged fields from the future.
    pub(crate) fn with_unknown_tags(mut self) -> Self {
        self.unknown_tags = true;
        self
    }

    /// One random message of the struct called `name`.
    pub(crate) fn sample(mut self, name: &str, version: i16) -> Vec<u8> {
        self.structure(self.shape(name), version);
        self.out
    }

    fn shape(&self, name: &str) -> &'a Struct {
        self.table.structs.iter().find(|shape| shape.name == name).expect("the table defines it")
    }

    fn structure(&mut self, shape: &'a Struct, version: i16) {
        let flexible = shape.flexible.is_some_and(|first| version >= first);
        let present = || shape.fields.iter().filter(|field| field.versions.contains(version));
        for field in present().filter(|field| field.tag.is_none()) {
            self.field(field, version, flexible, false);
        }
        if !flexible {
            return;
        }
        let mut tagged: Vec<&Field> = present().filter(|field| field.tag.is_some()).collect();
        tagged.sort_by_key(|field| field.tag);
        tagged.retain(|_| self.random.bool());
        let unknown = if self.unknown_tags { self.random.usize(..3) } else { 0 };
        self.varint((tagged.len() + unknown) as u32);
        for field in tagged {
            let outer = std::mem::take(&mut self.out);
            self.field(field, version, true, true);
            let content = std::mem::replace(&mut self.out, outer);
            self.varint(field.tag.expect("filtered"));
            self.varint(content.len() as u32);
            self.out.extend(content);
        }
        for index in 0..unknown {
            self.varint(1_000 + index as u32);
            let length = self.random.usize(..20);
            self.varint(length as u32);
            self.out.extend(std::iter::repeat_n(0xff, length));
        }
    }

    /// `changed`: the value must differ from the default, as that of a tagged field does.
    fn field(&mut self, field: &Field, version: i16, flexible: bool, changed: bool) {
        let nullable = field.nullable.is_some_and(|versions| versions.contains(version));
        // A tagged field that defaults to null is never null on the wire, nor empty if it defaults to empty.
        if nullable && !changed && self.random.u8(..4) == 0 {
            return match &field.kind {
                Kind::Struct(_) => self.out.push(0xff),
                Kind::String => self.length(None, flexible, 2),
                _ => self.length(None, flexible, 4),
            };
        }
        if let (true, Kind::Struct(_)) = (nullable, &field.kind) {
            self.out.push(1);
        }
        self.value(&field.kind, version, flexible, changed, field.default.as_deref() == Some("true"));
    }

    fn value(&mut self, kind: &Kind, version: i16, flexible: bool, changed: bool, default_true: bool) {
        let least = usize::from(changed);
        match kind {
            Kind::Number("bool") if changed => self.out.push(u8::from(!default_true)),
            Kind::Number("bool") => self.out.push(self.random.u8(..2)),
            Kind::Number("f64") => self.out.extend(self.random.f64().to_be_bytes()),
            Kind::Number("i8" | "u8") if changed => self.out.push(77),
            Kind::Number("i8" | "u8") => self.random_bytes(1),
            Kind::Number("i16" | "u16") | Kind::Error => self.random_bytes(2),
            Kind::Number("i32" | "u32") => self.random_bytes(4),
            Kind::Number("i64") => self.random_bytes(8),
            Kind::Number(other) => panic!("no sample for {other}"),
            Kind::Uuid => self.random_bytes(16),
            Kind::String => {
                let text: String = (0..self.random.usize(least..12)).map(|_| self.random.char(..)).collect();
                self.length(Some(text.len()), flexible, 2);
                self.out.extend(text.as_bytes());
            }
            Kind::Bytes | Kind::Records => {
                // Now and then long enough to become a segment of its own.
                let length = if self.random.u8(..8) == 0 { 3_000 } else { self.random.usize(least..40) };
                self.length(Some(length), flexible, 4);
                self.random_bytes(length);
            }
            Kind::Struct(name) => self.structure(self.shape(name), version),
            Kind::Array(element) => {
                let count = self.random.usize(least..4);
                self.length(Some(count), flexible, 4);
                for _ in 0..count {
                    self.value(element, version, flexible, false, false);
                }
            }
        }
    }

    fn random_bytes(&mut self, count: usize) {
        for _ in 0..count {
            self.out.push(self.random.u8(..));
        }
    }

    fn length(&mut self, length: Option<usize>, flexible: bool, classic_width: usize) {
        if flexible {
            return self.varint(length.map_or(0, |length| length as u32 + 1));
        }
        let length = length.map_or(-1, |length| length as i32);
        self.out.extend_from_slice(&length.to_be_bytes()[4 - classic_width..]);
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
