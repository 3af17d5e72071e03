//! Whom we believe: a trust store with the rules of Java where rustls's are narrower.
//!
//! A certificate that itself lies in the trust store is believed, also when it is its own authority: so
//! are clusters run that exchange self-signed certificates. Unlike Java, not when it is out of date. As in
//! Java, it vouches for others only if it is an authority: else each of those could pass for all others.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use super::first_version;

/// The certificates of a trust store.
pub(super) struct Trusted {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// Those that vouch for others; the rest is kept to be compared with. There may be none.
    roots: RootCertStore,
    /// What they are all called, for clients that choose a certificate by that.
    subjects: Vec<DistinguishedName>,
}

impl Trusted {
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>) -> Trusted {
        let (mut all, mut roots) = (RootCertStore::empty(), RootCertStore::empty());
        all.add_parsable_certificates(certificates.iter().cloned());
        let issuers = certificates.iter().filter(|certificate| {
            X509Certificate::from_der(certificate).is_ok_and(|(_, certificate)| may_issue(&certificate))
        });
        roots.add_parsable_certificates(issuers.cloned());
        Trusted { certificates, roots, subjects: all.subjects() }
    }

    /// The roots, if there are any; fails if nobody at all is believed.
    fn roots(&self) -> Result<Option<Arc<RootCertStore>>, String> {
        if self.subjects.is_empty() {
            return Err("none of its certificates can be read".to_owned());
        }
        Ok((!self.roots.is_empty()).then(|| Arc::new(self.roots.clone())))
    }
}

/// An issuer says that it is one; in the first version none could, and only a root is known as such.
pub(super) fn may_issue(issuer: &X509Certificate<'_>) -> bool {
    let says_so = issuer.basic_constraints().ok().flatten().is_some_and(|extension| extension.value.ca);
    let signs = issuer.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
    match issuer.version() {
        X509Version::V1 => issuer.subject().as_raw() == issuer.issuer().as_raw(),
        _ => says_so && signs,
    }
}

#[derive(Debug)]
struct Pinned(Vec<CertificateDer<'static>>);

impl Pinned {
    /// Whether `certificate` itself is trusted; an error if it is, and out of date.
    fn judge(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<bool, Error> {
        if !self.0.iter().any(|trusted| trusted == certificate) {
            return Ok(false);
        }
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|_| Error::from(CertificateError::BadEncoding))?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < parsed.validity().not_before.timestamp() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > parsed.validity().not_after.timestamp() {
            return Err(CertificateError::Expired.into());
        }
        Ok(true)
    }
}

/// Judges the certificates of clients.
#[derive(Debug)]
pub(super) struct Clients {
    pinned: Pinned,
    algorithms: WebPkiSupportedAlgorithms,
    /// Whether they must have one.
    must: bool,
    subjects: Vec<DistinguishedName>,
    /// By those that vouch for others, if there are any.
    inner: Option<Arc<dyn ClientCertVerifier>>,
}

impl Clients {
    pub(super) fn verifier(
        trusted: Trusted,
        must: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, String> {
        let algorithms = provider.signature_verification_algorithms;
        let inner = (trusted.roots()?)
            .map(|roots| WebPkiClientVerifier::builder_with_provider(roots, provider).build())
            .transpose()
            .map_err(|error| error.to_string())?;
        let Trusted { certificates, subjects, .. } = trusted;
        Ok(Arc::new(Clients { pinned: Pinned(certificates), algorithms, must, subjects, inner }))
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.must
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.pinned.judge(end_entity, now)? {
            return Ok(ClientCertVerified::assertion());
        }
        if first_version::is_first_version(end_entity) {
            first_version::judge(end_entity, &self.pinned.0, now)?;
            return Ok(ClientCertVerified::assertion());
        }
        let inner = self.inner.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        inner.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if first_version::is_first_version(cert) {
            return first_version::verify_handshake(message, cert, dss, &self.algorithms);
        }
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if first_version::is_first_version(cert) {
            return first_version::verify_handshake(message, cert, dss, &self.algorithms);
        }
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a certificate is for `name`, a name or an address.
pub(super) fn is_for(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(certificate), ServerName::try_from(name))
    else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}

/// Judges the certificate of a server that goes by several names: it must be for one of them.
#[derive(Debug)]
pub(super) struct AnyName {
    pub(super) servers: Arc<Servers>,
    pub(super) names: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judge =
            |name| self.servers.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
        let first = judge(server_name);
        if first.is_ok() || self.names.iter().any(|name| judge(name).is_ok()) {
            return Ok(ServerCertVerified::assertion());
        }
        first
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.servers.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.servers.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.servers.supported_verify_schemes()
    }
}

/// Judges the certificate of a server.
#[derive(Debug)]
pub(super) struct Servers {
    pinned: Pinned,
    algorithms: WebPkiSupportedAlgorithms,
    check_host: bool,
    /// By those that vouch for others, if there are any.
    inner: Option<Arc<WebPkiServerVerifier>>,
}

impl Servers {
    pub(super) fn new(
        trusted: Trusted,
        check_host: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<Servers>, String> {
        let algorithms = provider.signature_verification_algorithms;
        let inner = (trusted.roots()?)
            .map(|roots| WebPkiServerVerifier::builder_with_provider(roots, provider).build())
            .transpose()
            .map_err(|error| error.to_string())?;
        Ok(Arc::new(Servers { pinned: Pinned(trusted.certificates), algorithms, check_host, inner }))
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pinned.judge(end_entity, now)? {
            if self.check_host {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let inner = self.inner.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        let outcome = inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match outcome {
            // The name is looked at last, so everything else was right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_host => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
