//! The `ssl.*` keys of both originals, as settings of TLS.

use super::{Note, Properties};
use std::path::{Path, PathBuf};
use transport::tls::{ClientAuth, Settings, StoreFile, StoreKind, Version, password_in};

/// Takes the keys that begin with `prefix` (`ssl.`) and make up one side of TLS.
pub(crate) fn take_tls(file: &mut Properties, prefix: &str, notes: &mut Vec<Note>) -> Settings {
    let mut settings = Settings {
        key: take_store(file, prefix, "keyStore"),
        trust: take_store(file, prefix, "trustStore"),
        ..Settings::default()
    };
    let key = format!("{prefix}clientAuth");
    if let Some(text) = file.take_text(&key) {
        match ClientAuth::parse(&text) {
            Some(client_auth) => settings.client_auth = client_auth,
            None => file.refuse(&key, format!("{text:?} is not need, want or none")),
        }
    }
    take_versions(file, prefix, &mut settings, notes);
    if let Some(names) = file.take_text(&format!("{prefix}ciphersuites")) {
        settings.cipher_suites = list(&names);
    }
    for key in ["crl", "ocsp"] {
        let key = format!("{prefix}{key}");
        if file.take_switch(&key) == Some(true) {
            file.refuse(
                &key,
                "certificates that were revoked are not looked up here; trust an authority whose certificates live \
                 for days, or take out of the trust store what is no longer believed",
            );
        }
    }
    if file.take_switch(&format!("{prefix}clientHostnameVerification")) == Some(true) {
        let key = format!("{prefix}clientHostnameVerification");
        file.refuse(&key, "the names of clients are not looked up here; their certificates are checked");
    }
    // A server has nobody's name to check, unless the key above says so.
    if let Some(check) = file.take_switch(&format!("{prefix}hostnameVerification")) {
        settings.check_host = check;
    }
    let supplier = format!("{prefix}context.supplier.class");
    if let Some(class) = file.take_text(&supplier) {
        file.refuse(
            &supplier,
            format!("{class} is Java code, which cannot be loaded; use the other ssl keys"),
        );
    }
    settings
}

fn take_versions(file: &mut Properties, prefix: &str, settings: &mut Settings, notes: &mut Vec<Note>) {
    let enabled = format!("{prefix}enabledProtocols");
    let protocol = format!("{prefix}protocol");
    let (key, names) = match (file.take_text(&enabled), file.take_text(&protocol)) {
        (Some(names), _) => (enabled, list(&names)),
        // As in Java, a context of 1.3 speaks 1.2 as well.
        (None, Some(name)) if name == "TLSv1.2" => (protocol, vec![name]),
        (None, Some(name)) if name == "TLS" || name == "TLSv1.3" => return,
        (None, Some(name)) => (protocol, vec![name]),
        (None, None) => return,
    };
    let old: Vec<&String> = names.iter().filter(|name| Version::parse(name).is_none()).collect();
    settings.versions = names.iter().filter_map(|name| Version::parse(name)).collect();
    if settings.versions.is_empty() {
        file.refuse(&key, "only TLSv1.2 and TLSv1.3 are served; older ones are broken");
    } else if let Some(name) = old.first() {
        notes.push(Note::Adjusted { key, why: format!("{name} is not served; TLSv1.2 and TLSv1.3 are") });
    }
}

/// `keyStore.location` and its kin.
fn take_store(file: &mut Properties, prefix: &str, name: &str) -> Option<StoreFile> {
    let mut take = |part: &str| file.take_text(&format!("{prefix}{name}.{part}"));
    let location = take("location");
    let (password, password_path, kind) = (take("password"), take("passwordPath"), take("type"));
    let path = PathBuf::from(location?);
    if let Some(kind) = kind
        && StoreKind::parse(&kind).is_none()
    {
        let why = format!(
            "{kind} cannot be read; convert it: keytool -importkeystore -srckeystore {} -srcstoretype {kind} \
             -destkeystore store.p12 -deststoretype PKCS12",
            path.display()
        );
        file.refuse(&format!("{prefix}{name}.type"), why);
    }
    // As in the original, the file counts if both are given.
    let password = match password_path {
        None => password.unwrap_or_default(),
        Some(from) => password_in(Path::new(&from)).unwrap_or_else(|error| {
            file.refuse(&format!("{prefix}{name}.passwordPath"), format!("{from} cannot be read: {error}"));
            String::new()
        }),
    };
    Some(StoreFile { path, password })
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
