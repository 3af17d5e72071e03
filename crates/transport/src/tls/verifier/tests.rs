use super::*;
use crate::tls::provider;
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::time::Duration;

/// A certificate that is no authority, and one that it has issued all the same.
fn pair() -> [CertificateDer<'static>; 2] {
    let file: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "src/tls/testdata/not_an_authority.pem"].iter().collect();
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    certificates.expect("certificates").try_into().expect("two")
}

#[test]
fn a_trusted_certificate_that_is_no_authority_is_believed_and_vouches_for_nobody() {
    let [own, issued] = pair();
    let authority: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src/tls/testdata/ca.pem"].iter().collect();
    let authority = CertificateDer::from_pem_file(authority).expect("a certificate");
    let now = UnixTime::since_unix_epoch(Duration::from_secs(70 * 31_557_600));
    for certificates in [vec![own.clone()], vec![own.clone(), authority]] {
        let hints = certificates.len();
        let clients = Clients::verifier(Trusted::new(certificates.clone()), true, Arc::new(provider()))
            .expect("it believes somebody");
        clients.verify_client_cert(&own, &[], now).expect("it lies in the store");
        let refused = clients.verify_client_cert(&issued, &[], now);
        assert_eq!(refused.expect_err("the word of a client"), CertificateError::UnknownIssuer.into());
        assert_eq!(clients.root_hint_subjects().len(), hints, "all may show theirs");
        let servers = Servers::new(Trusted::new(certificates), false, Arc::new(provider()))
            .expect("it believes somebody");
        let name = ServerName::try_from("localhost").expect("a name");
        servers.verify_server_cert(&own, &[], &name, &[], now).expect("it lies in the store");
        let refused = servers.verify_server_cert(&issued, &[], &name, &[], now);
        assert_eq!(refused.expect_err("the word of a server"), CertificateError::UnknownIssuer.into());
    }
}

#[test]
fn a_store_of_which_nothing_can_be_read_is_of_no_use() {
    let broken = Trusted::new(vec![CertificateDer::from(vec![1, 2, 3])]);
    let why = Clients::verifier(broken, true, Arc::new(provider())).map(|_| ()).expect_err("nobody");
    assert_eq!(why, "none of its certificates can be read");
}
