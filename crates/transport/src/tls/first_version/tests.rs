use super::*;
use crate::tls::{Acceptor, ClientAuth, Settings, StoreFile};
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::time::Duration;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "src/tls/testdata", name].iter().collect()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).expect("a certificate")
}

fn in_the_year(year: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600))
}

#[test]
fn it_is_believed_only_if_the_store_has_its_issuer_and_it_is_in_date() {
    let first = certificate("first_version.pem");
    let issuer = certificate("first_version_ca.pem");
    let (other, server) = (certificate("ca.pem"), certificate("server.pem"));
    assert!(is_first_version(&first));
    assert!(!is_first_version(&issuer) && !is_first_version(&other));
    let check = |trusted: &[CertificateDer<'static>], year, expect: Result<(), CertificateError>| {
        assert_eq!(judge(&first, trusted, in_the_year(year)), expect.map_err(Error::from));
    };
    check(&[other.clone(), issuer.clone()], 2040, Ok(()));
    check(std::slice::from_ref(&issuer), 2001, Err(CertificateError::NotValidYet));
    check(std::slice::from_ref(&issuer), 2400, Err(CertificateError::Expired));
    check(&[other, server], 2040, Err(CertificateError::UnknownIssuer));
    check(&[], 2040, Err(CertificateError::UnknownIssuer));
}

#[test]
fn one_whose_signature_is_not_its_issuers_is_refused() {
    let mut forged = certificate("first_version.pem").to_vec();
    *forged.last_mut().expect("it has bytes") ^= 1;
    let outcome =
        judge(&forged.into(), &[certificate("first_version_ca.pem")], in_the_year(2040)).expect_err("forged");
    assert_eq!(outcome, CertificateError::BadSignature.into());
}

#[test]
fn one_signed_over_sha1_is_refused() {
    let pair: Vec<_> = CertificateDer::pem_file_iter(file("first_version_sha1.pem"))
        .and_then(Iterator::collect)
        .expect("an issuer, and one that it has issued");
    assert!(is_first_version(&pair[1]));
    let outcome = judge(&pair[1], &pair[..1], in_the_year(2040)).expect_err("anybody may have made it");
    assert_eq!(outcome, CertificateError::BadSignature.into());
}

#[test]
fn one_that_is_trusted_itself_vouches_for_others_only_as_a_root() {
    let (first, issuer) = (certificate("first_version.pem"), certificate("first_version_ca.pem"));
    let (first, issuer) = (parsed(&first).expect("it is read"), parsed(&issuer).expect("it is read"));
    assert!(!may_issue(&first));
    assert!(may_issue(&issuer));
}

#[test]
fn a_server_may_show_one_if_the_key_is_its_own() {
    let settings = |name: &str| Settings {
        key: Some(StoreFile { path: file(name), password: String::new() }),
        client_auth: ClientAuth::None,
        ..Settings::default()
    };
    Acceptor::new(&settings("first_version.pem")).expect("its own");
    let directory = tempfile::tempdir().expect("a directory");
    let mixed = directory.path().join("mixed.pem");
    let text = |name: &str| std::fs::read_to_string(file(name)).expect("a file");
    let certificate = text("first_version.pem");
    let at = certificate.find("-----BEGIN CERTIFICATE").expect("it has one");
    std::fs::write(&mixed, format!("{}{}", text("server.key"), &certificate[at..])).expect("written");
    let error = Acceptor::new(&settings(mixed.to_str().expect("a name"))).expect_err("another's").to_string();
    assert!(error.contains("its key and its certificate are of no use"), "{error}");
}
