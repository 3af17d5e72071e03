//! The files of settings. Nothing is opened, and no name is looked up: keys that name hosts are left out.

use server::config::{BrokerConfig, KeeperConfig, Properties};
use zab::MemberAddress;

/// What makes sense of a key asks the resolver, or opens a file.
const OUTSIDE: &[&str] =
    &["server.", "ddress", "Host", "host", "listeners", "ssl.", "ssl", "File", "login.config"];

/// The same without the keys that reach outside.
fn inside(text: &[u8]) -> Option<Properties> {
    let all = Properties::parse(text).ok()?;
    let mut kept = Properties::default();
    for (key, value) in all.rest() {
        if !OUTSIDE.iter().any(|word| key.contains(word)) {
            kept.set(key, value);
        }
    }
    Some(kept)
}

/// A keeper's settings, and the flags of Java beside them.
pub(crate) fn zoo_cfg(bytes: &[u8]) {
    let Some(mut properties) = inside(bytes) else { return };
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = MemberAddress::parse(text);
        if !OUTSIDE.iter().any(|word| text.contains(word)) {
            properties.set_from_flags(text);
        }
    }
    match KeeperConfig::parse(properties) {
        Ok((config, _)) => assert!(!config.data_directory.as_os_str().is_empty()),
        Err(refusals) => assert!(!refusals.is_empty()),
    }
}

/// A broker's settings.
pub(crate) fn server_properties(bytes: &[u8]) {
    let Some(properties) = inside(bytes) else { return };
    if let Err(refusals) = BrokerConfig::parse(properties) {
        assert!(!refusals.is_empty());
    }
}
