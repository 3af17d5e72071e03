//! Certificates of X.509 version 1, which rustls's verifier does not read and Java believes.
//!
//! They say nothing of what they may be used for, so no more is granted than to be an end of a chain of two:
//! the trust store must have the very certificate of their issuer. One in the trust store vouches for others
//! of its version only if it is its own issuer, as the roots of that time were. As with later versions, a
//! signature over SHA-1 proves nothing. Only the handshake's signatures that TLS 1.3 allows are taken with
//! them, in TLS 1.2 too.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, InconsistentKeys};
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::prelude::{FromDer, Validity, X509Certificate, X509Version};

use super::verifier::may_issue;

/// Whether it is one, and can be read.
pub(super) fn is_first_version(der: &CertificateDer<'_>) -> bool {
    parsed(der).is_ok_and(|certificate| certificate.version() == X509Version::V1)
}

/// Whether one of the trusted certificates has issued it, and both are in date.
pub(super) fn judge(
    der: &CertificateDer<'_>,
    trusted: &[CertificateDer<'static>],
    now: UnixTime,
) -> Result<(), Error> {
    let certificate = parsed(der)?;
    // The first version has no extensions, and names its signature's algorithm twice.
    if !certificate.extensions().is_empty() || certificate.signature != certificate.signature_algorithm {
        return Err(CertificateError::BadEncoding.into());
    }
    in_date(certificate.validity(), now)?;
    let mut outcome = Err(CertificateError::UnknownIssuer.into());
    for issuer in trusted {
        let Ok(issuer) = parsed(issuer) else { continue };
        if issuer.subject().as_raw() != certificate.issuer().as_raw() || !may_issue(&issuer) {
            continue;
        }
        outcome = match certificate.verify_signature(Some(issuer.public_key())) {
            Ok(()) if !is_over_sha1(&certificate) => in_date(issuer.validity(), now),
            _ => Err(CertificateError::BadSignature.into()),
        };
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Checks the other side's signature by the key of such a certificate.
pub(super) fn verify_handshake(
    message: &[u8],
    der: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = parsed(der)?;
    let key = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
    verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
}

/// Whether key and certificate belong together; rustls looks itself at certificates that it reads.
pub(super) fn fits(certified: &CertifiedKey) -> Result<(), Error> {
    let der = certified.end_entity_cert()?;
    if !is_first_version(der) {
        return match certified.keys_match() {
            Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
            outcome => outcome,
        };
    }
    let certificate = parsed(der)?;
    match certified.key.public_key() {
        Some(key) if key.as_ref() != certificate.public_key().raw => {
            Err(InconsistentKeys::KeyMismatch.into())
        }
        _ => Ok(()),
    }
}

/// Whether its issuer signed what others can be made to look like.
fn is_over_sha1(certificate: &X509Certificate<'_>) -> bool {
    let algorithm = certificate.signature_algorithm.oid();
    *algorithm == OID_PKCS1_SHA1WITHRSA || *algorithm == OID_SHA1_WITH_RSA
}

fn in_date(validity: &Validity, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

fn parsed<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateError::BadEncoding.into()),
    }
}

#[cfg(test)]
mod tests;
