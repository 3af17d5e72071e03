//! Java's own key store format, read only.
//!
//! Layout, all numbers big-endian: magic `FEEDFEED`, version 1 or 2 (u32), entries (u32); each is a tag
//! (u32: 1 key, 2 trusted certificate), an alias (u16 length, modified UTF-8), milliseconds (u64), and then
//! for a key its encrypted form (u32 length) and a chain (u32 count), for the other one certificate; a
//! certificate is in version 2 preceded by its type (`X.509`, u16 length), and is a u32 length with DER.
//! The last 20 bytes are SHA-1 of the password in UTF-16BE, the words `Mighty Aphrodite`, and everything
//! before them. A key is encrypted by a stream of SHA-1 (object identifier 1.3.6.1.4.1.42.2.17.1.1).

use sha1::{Digest, Sha1};
use x509_parser::der_parser::ber::BerObjectContent;
use x509_parser::der_parser::der::parse_der;

const MAGIC: u32 = 0xfeed_feed;
const HASH: usize = 20;

/// What is in a store.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Entry {
    /// A key in PKCS#8, and its certificates, its own first.
    Key { key: Vec<u8>, chain: Vec<Vec<u8>> },
    /// A certificate that is trusted.
    Trusted(Vec<u8>),
}

/// Reads a store. An empty password opens one without checking it, as Java does for trust stores; keys
/// need theirs.
pub(super) fn read(bytes: &[u8], password: &str) -> Result<Vec<Entry>, String> {
    const BROKEN: &str = "it is broken: it ends too soon";
    let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (body, hash) = bytes.split_last_chunk::<HASH>().ok_or(BROKEN)?;
    if !password.is_empty() {
        let mut sum = Sha1::new();
        for part in [&utf16[..], b"Mighty Aphrodite", body] {
            sum.update(part);
        }
        if sum.finalize()[..] != hash[..] {
            return Err("the password is wrong, or the file is broken".to_owned());
        }
    }
    let mut reader = Bytes(body);
    let mut read = || -> Option<Result<Vec<Entry>, String>> {
        if reader.u32()? != MAGIC {
            return Some(Err("it is no JKS store".to_owned()));
        }
        let version = reader.u32()?;
        let count = reader.u32()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let tag = reader.u32()?;
            let alias = reader.u16()?;
            reader.take(usize::from(alias))?;
            reader.take(8)?;
            match tag {
                1 => {
                    let protected = reader.blob()?;
                    let mut chain = Vec::new();
                    for _ in 0..reader.u32()? {
                        chain.push(reader.certificate(version)?.to_vec());
                    }
                    match unprotect(protected, &utf16) {
                        Ok(key) => entries.push(Entry::Key { key, chain }),
                        Err(why) => return Some(Err(why)),
                    }
                }
                2 => entries.push(Entry::Trusted(reader.certificate(version)?.to_vec())),
                _ => return Some(Err(format!("it has an entry of an unknown kind ({tag})"))),
            }
        }
        Some(Ok(entries))
    };
    read().unwrap_or_else(|| Err(BROKEN.to_owned()))
}

/// Decrypts a key.
fn unprotect(der: &[u8], password: &[u8]) -> Result<Vec<u8>, String> {
    let data = encrypted_octets(der).ok_or("a key in it is broken")?;
    let (salt, rest) = data.split_first_chunk::<HASH>().ok_or("a key in it is broken")?;
    let (encrypted, check) = rest.split_last_chunk::<HASH>().ok_or("a key in it is broken")?;
    let mut key = Vec::with_capacity(encrypted.len());
    let mut stream: [u8; HASH] = *salt;
    for block in encrypted.chunks(HASH) {
        stream = Sha1::new().chain_update(password).chain_update(stream).finalize().into();
        key.extend(block.iter().zip(stream).map(|(byte, mask)| byte ^ mask));
    }
    let sum: [u8; HASH] = Sha1::new().chain_update(password).chain_update(&key).finalize().into();
    if sum == *check { Ok(key) } else { Err("the password of its key is not that of the store".to_owned()) }
}

/// The octets of an `EncryptedPrivateKeyInfo`: a sequence of an algorithm and an octet string.
fn encrypted_octets(der: &[u8]) -> Option<Vec<u8>> {
    let (_, info) = parse_der(der).ok()?;
    match &info.as_sequence().ok()?.get(1)?.content {
        BerObjectContent::OctetString(octets) => Some(octets.to_vec()),
        _ => None,
    }
}

/// What is left to read. Everything is `None` once it ends too soon.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn blob(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(length as usize)
    }

    fn certificate(&mut self, version: u32) -> Option<&'a [u8]> {
        if version == 2 {
            let kind = self.u16()?;
            self.take(usize::from(kind))?;
        }
        self.blob()
    }
}
