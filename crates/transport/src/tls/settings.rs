//! What an administrator says about TLS, in the originals' words and with their defaults.

use super::store::StoreFile;
use std::path::Path;

/// The settings of one side of TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// `ssl.keyStore.*`: our certificate and its key.
    pub key: Option<StoreFile>,
    /// `ssl.trustStore.*`: whom we believe.
    pub trust: Option<StoreFile>,
    /// `ssl.clientAuth`.
    pub client_auth: ClientAuth,
    /// `ssl.enabledProtocols`; never empty.
    pub versions: Vec<Version>,
    /// `ssl.ciphersuites`, by their names in Java; empty for all that are safe.
    pub cipher_suites: Vec<String>,
    /// `ssl.hostnameVerification`: whether a client compares the server's name with its certificate.
    pub check_host: bool,
}

/// Whether a server asks its clients for certificates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientAuth {
    /// Only those with one are let in.
    Need,
    /// Asked for; a wrong one is refused, none is not.
    Want,
    /// Not asked for.
    None,
}

/// A version of the protocol. Those before 1.2 are not served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            key: None,
            trust: None,
            client_auth: ClientAuth::Need,
            versions: vec![Version::Tls13, Version::Tls12],
            cipher_suites: Vec::new(),
            check_host: true,
        }
    }
}

impl Settings {
    /// The files that the settings were read from, to see when they change.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.key.iter().chain(&self.trust).map(|store| store.path.as_path())
    }

    pub(super) fn rustls_versions(&self) -> Vec<&'static rustls::SupportedProtocolVersion> {
        let of = |version: &Version| match version {
            Version::Tls12 => &rustls::version::TLS12,
            Version::Tls13 => &rustls::version::TLS13,
        };
        self.versions.iter().map(of).collect()
    }
}

impl ClientAuth {
    /// From the value of the key, in any case.
    pub fn parse(text: &str) -> Option<ClientAuth> {
        match text.to_ascii_lowercase().as_str() {
            "need" | "required" => Some(ClientAuth::Need),
            "want" | "requested" => Some(ClientAuth::Want),
            "none" => Some(ClientAuth::None),
            _ => None,
        }
    }
}

impl Version {
    /// From its name in Java. `None` for those that are not served.
    pub fn parse(text: &str) -> Option<Version> {
        match text {
            "TLSv1.2" => Some(Version::Tls12),
            "TLSv1.3" => Some(Version::Tls13),
            _ => None,
        }
    }
}
