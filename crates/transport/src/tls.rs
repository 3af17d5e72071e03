//! TLS: the only module that knows rustls and the provider of its cryptography.
//!
//! [`Settings`] say what the originals' `ssl.*` keys say, in their words; an [`Acceptor`] makes the
//! server's side of connections from them and can be given new certificates while it runs; a
//! [`Connector`] makes the client's. Both are role-free. What cannot be done safely is refused with the
//! fix, never passed over. Decision: docs/decisions/0013-tls.md.

mod acceptor;
mod certificate;
mod connector;
mod first_version;
mod jks;
mod settings;
mod shared;
mod store;
mod stream;
mod verifier;

pub use acceptor::Acceptor;
pub use certificate::{PeerCertificate, subject_name};
pub use connector::{BlockingTls, Connector};
pub use settings::{ClientAuth, Settings, Version};
pub use shared::SharedTls;
pub use store::{StoreError, StoreFile, StoreKind, password_in};
pub use stream::{Detecting, TlsStream};

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The one place that names the provider.
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// The provider with only these suites, by their names in Java; all if `names` is empty. Also gives the
/// names that are not known here.
fn provider_with(names: &[String]) -> (Arc<CryptoProvider>, Vec<String>) {
    let mut provider = provider();
    if names.is_empty() {
        return (Arc::new(provider), Vec::new());
    }
    // rustls writes TLS13_AES_128_GCM_SHA256 where the registry and Java write TLS_AES_128_GCM_SHA256.
    let name_of = |suite: &rustls::SupportedCipherSuite| {
        let name = format!("{:?}", suite.suite());
        name.strip_prefix("TLS13_").map_or(name.clone(), |rest| format!("TLS_{rest}"))
    };
    let known: Vec<String> = provider.cipher_suites.iter().map(name_of).collect();
    let unknown = names.iter().filter(|name| !known.contains(name)).cloned().collect();
    // In the administrator's order, which is the order of preference.
    let mut chosen = Vec::new();
    for name in names {
        chosen.extend(provider.cipher_suites.iter().find(|suite| name_of(suite) == *name));
    }
    provider.cipher_suites = chosen;
    (Arc::new(provider), unknown)
}

#[cfg(test)]
mod tests;
