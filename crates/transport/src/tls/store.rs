//! Key stores and trust stores: PEM, PKCS12 and JKS files, read whole and turned into what rustls wants.

use super::jks;
use crate::limits::STORE_BYTES_MAX;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file with keys or certificates.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreFile {
    /// Where it is.
    pub path: PathBuf,
    /// What opens it; empty for none.
    pub password: String,
}

/// The format of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreKind {
    /// Text between `-----BEGIN` and `-----END`.
    Pem,
    /// PKCS#12, what keytool writes since Java 9 and openssl calls `.p12` or `.pfx`.
    Pkcs12,
    /// Java's own format.
    Jks,
}

/// Why a store is of no use. The text names the file and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreError {
    path: PathBuf,
    why: String,
}

/// A certificate, those that vouch for it, and its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// All that a store has.
#[derive(Default)]
struct Content {
    /// Keys with the certificates that belong to them.
    keys: Vec<(PrivateKeyDer<'static>, Vec<CertificateDer<'static>>)>,
    /// Certificates that stand alone.
    certificates: Vec<CertificateDer<'static>>,
}

impl fmt::Debug for StoreFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl StoreKind {
    /// From the value of `ssl.keyStore.type`, which is not needed otherwise: the bytes tell.
    pub fn parse(text: &str) -> Option<StoreKind> {
        match text.to_ascii_uppercase().as_str() {
            "PEM" => Some(StoreKind::Pem),
            "PKCS12" => Some(StoreKind::Pkcs12),
            "JKS" => Some(StoreKind::Jks),
            _ => None,
        }
    }

    /// What the bytes are, whatever the file is called: keytool writes PKCS12 into files named `.jks`.
    fn of(bytes: &[u8]) -> Option<StoreKind> {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] => Some(StoreKind::Jks),
            [0x30, 0x80..=0x84, ..] => Some(StoreKind::Pkcs12),
            _ => bytes.windows(11).any(|window| window == b"-----BEGIN ").then_some(StoreKind::Pem),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for StoreError {}

impl StoreFile {
    pub(super) fn error(&self, why: impl Into<String>) -> StoreError {
        StoreError { path: self.path.clone(), why: why.into() }
    }

    /// The key of the store and its chain.
    pub(super) fn identity(&self) -> Result<Identity, StoreError> {
        let Content { mut keys, certificates } = self.content()?;
        if keys.is_empty() {
            return Err(self.error("there is no private key in it"));
        }
        let (key, mut chain) = keys.swap_remove(0);
        if chain.is_empty() {
            chain = certificates;
        }
        if chain.is_empty() {
            return Err(self.error("there is a key in it, and no certificate"));
        }
        Ok(Identity { chain, key })
    }

    /// All certificates that the store holds for trusted.
    pub(super) fn trusted(&self) -> Result<Vec<CertificateDer<'static>>, StoreError> {
        let content = self.content()?;
        // As in Java, the certificate of a key entry is trusted too: its first one.
        let own = content.keys.into_iter().filter_map(|(_, chain)| chain.into_iter().next());
        let trusted: Vec<_> = content.certificates.into_iter().chain(own).collect();
        if trusted.is_empty() { Err(self.error("there is no certificate in it")) } else { Ok(trusted) }
    }

    fn content(&self) -> Result<Content, StoreError> {
        let bytes = self.bytes()?;
        match StoreKind::of(&bytes) {
            Some(StoreKind::Pem) => self.pem(&bytes),
            Some(StoreKind::Pkcs12) => self.pkcs12(&bytes),
            Some(StoreKind::Jks) => self.jks(&bytes),
            None => Err(self.error(format!(
                "it is neither PEM, PKCS12 nor JKS; convert it: keytool -importkeystore -srckeystore {} \
                 -destkeystore store.p12 -deststoretype PKCS12",
                self.path.display()
            ))),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, StoreError> {
        let unreadable = |error: std::io::Error| self.error(format!("it cannot be read: {error}"));
        let mut bytes = Vec::new();
        let file = File::open(&self.path).map_err(unreadable)?;
        file.take(STORE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > STORE_BYTES_MAX {
            return Err(self.error(format!("it is larger than {} MiB", STORE_BYTES_MAX >> 20)));
        }
        Ok(bytes)
    }

    fn pem(&self, bytes: &[u8]) -> Result<Content, StoreError> {
        let mut content = Content::default();
        let mut key = None;
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
            let (kind, der) = section.map_err(|error| self.error(format!("it is broken: {error:?}")))?;
            match kind {
                SectionKind::Certificate => content.certificates.push(der.into()),
                SectionKind::PrivateKey => key = Some(PrivateKeyDer::Pkcs8(der.into())),
                SectionKind::RsaPrivateKey => key = Some(PrivateKeyDer::Pkcs1(der.into())),
                SectionKind::EcPrivateKey => key = Some(PrivateKeyDer::Sec1(der.into())),
                _ => {}
            }
        }
        if key.is_none()
            && let Some(encrypted) = encrypted_section(bytes)
        {
            key = Some(self.decrypted(&encrypted)?);
        }
        if let Some(key) = key {
            content.keys.push((key, std::mem::take(&mut content.certificates)));
        }
        Ok(content)
    }

    /// The key in a PEM section `ENCRYPTED PRIVATE KEY`.
    fn decrypted(&self, der: &[u8]) -> Result<PrivateKeyDer<'static>, StoreError> {
        if self.password.is_empty() {
            return Err(self.error("its key is encrypted, and no password is given"));
        }
        let failed = |_| {
            self.error(
                "its key cannot be decrypted: the password is wrong, or it uses an old method; write it anew: \
                 openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem",
            )
        };
        let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| self.error("its key is broken"))?;
        let document = info.decrypt(&self.password).map_err(failed)?;
        Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(document.as_bytes().to_vec())))
    }

    fn pkcs12(&self, bytes: &[u8]) -> Result<Content, StoreError> {
        let store = KeyStore::from_pkcs12(bytes, &self.password, Pkcs12ImportPolicy::Relaxed)
            .map_err(|error| self.error(format!("the password is wrong, or the file is broken ({error})")))?;
        let mut content = Content::default();
        for (_, entry) in store.entries() {
            match entry {
                KeyStoreEntry::PrivateKeyChain(chain) => {
                    let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
                    let certificates = chain.certs().iter().map(|it| it.as_der().to_vec().into()).collect();
                    content.keys.push((PrivateKeyDer::Pkcs8(key), certificates));
                }
                KeyStoreEntry::Certificate(certificate) => {
                    content.certificates.push(certificate.as_der().to_vec().into());
                }
                KeyStoreEntry::Secret(_) => {}
            }
        }
        if content.keys.is_empty() && content.certificates.is_empty() {
            // What openssl exports without `-jdktrust`: certificates that nobody called trusted.
            let raw = KeyStore::from_pkcs12(bytes, &self.password, Pkcs12ImportPolicy::Raw);
            for (_, entry) in raw.iter().flat_map(KeyStore::entries) {
                if let KeyStoreEntry::Certificate(certificate) = entry {
                    content.certificates.push(certificate.as_der().to_vec().into());
                }
            }
        }
        Ok(content)
    }

    fn jks(&self, bytes: &[u8]) -> Result<Content, StoreError> {
        let entries = jks::read(bytes, &self.password).map_err(|why| self.error(why))?;
        let mut content = Content::default();
        for entry in entries {
            match entry {
                jks::Entry::Key { key, chain } => {
                    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
                    content.keys.push((key, chain.into_iter().map(CertificateDer::from).collect()));
                }
                jks::Entry::Trusted(certificate) => content.certificates.push(certificate.into()),
            }
        }
        Ok(content)
    }
}

/// The bytes of the first section `ENCRYPTED PRIVATE KEY`, which the PEM reader passes over.
fn encrypted_section(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ENCRYPTED PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END ENCRYPTED PRIVATE KEY-----")?;
    // Renamed, it is a section that the reader knows; only its bytes matter.
    let section = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", body.trim());
    let key = PrivatePkcs8KeyDer::from_pem_slice(section.as_bytes()).ok()?;
    Some(key.secret_pkcs8_der().to_vec())
}

/// Reads a password from a file, as `ssl.keyStore.passwordPath` wants: its first line.
pub fn password_in(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(64 << 10).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
