//! What a peer's certificate says of it, in the words of Java.

use rustls::pki_types::CertificateDer;
use std::fmt::Write;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate};

/// Who the other side of a connection has proved to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerCertificate {
    /// The subject as `X500Principal.getName()` writes it (RFC 2253).
    pub subject: String,
}

impl PeerCertificate {
    pub(super) fn of(der: &CertificateDer<'_>) -> Option<PeerCertificate> {
        Some(PeerCertificate { subject: subject_name(der)? })
    }
}

/// The subject of a certificate in DER, as `X500Principal.getName()` writes it; `None` if it is broken.
pub fn subject_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut name = String::new();
    // The last part comes first.
    let parts: Vec<_> = certificate.subject().iter_rdn().collect();
    for (n, part) in parts.iter().rev().enumerate() {
        if n > 0 {
            name.push(',');
        }
        for (n, attribute) in part.iter().enumerate() {
            if n > 0 {
                name.push('+');
            }
            push_attribute(&mut name, attribute);
        }
    }
    Some(name)
}

/// The attributes that RFC 2253 names; others are numbers with their values in hexadecimal.
const KEYWORDS: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

fn push_attribute(name: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let oid = attribute.attr_type().to_id_string();
    let keyword = KEYWORDS.iter().find(|(id, _)| *id == oid).map(|(_, keyword)| *keyword);
    let (Some(keyword), Ok(text)) = (keyword, attribute.as_str()) else {
        let value = attribute.attr_value();
        // Lengths of 128 and more do not occur in names that anybody writes down.
        let (tag, data) = (value.header.tag().0 as u8, value.data);
        let _ = write!(name, "{oid}=#{tag:02x}{:02x}", data.len());
        for byte in data {
            let _ = write!(name, "{byte:02x}");
        }
        return;
    };
    name.push_str(keyword);
    name.push('=');
    let leading = text.len() - text.trim_start_matches([' ', '\r']).len();
    let trailing = text.trim_end_matches([' ', '\r']).len();
    for (at, char) in text.char_indices() {
        let at_an_end = matches!(char, ' ' | '\r') && (at < leading || at >= trailing);
        match char {
            ',' | '=' | '+' | '<' | '>' | '#' | ';' | '"' | '\\' => name.extend(['\\', char]),
            '\0' => name.push_str("\\00"),
            _ if at_an_end => name.extend(['\\', char]),
            _ => name.push(char),
        }
    }
}
