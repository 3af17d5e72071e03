//! Whom we believe: a trust store with the rules of Java where rustls's are narrower.
//!
//! A certificate that itself lies in the trust store is believed, also when it is its own authority: so
//! are clusters run that exchange self-signed certificates. Unlike Java, not when it is out of date.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The certificates of a trust store.
pub(super) struct Trusted {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) roots: Arc<RootCertStore>,
}

impl Trusted {
    /// Certificates that cannot vouch for others are kept to be compared with.
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>) -> Trusted {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        Trusted { certificates, roots: Arc::new(roots) }
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
    inner: Arc<dyn ClientCertVerifier>,
}

impl Clients {
    pub(super) fn verifier(
        trusted: Trusted,
        must: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, String> {
        let mut builder = WebPkiClientVerifier::builder_with_provider(trusted.roots, provider);
        if !must {
            builder = builder.allow_unauthenticated();
        }
        let inner = builder.build().map_err(|error| error.to_string())?;
        Ok(Arc::new(Clients { pinned: Pinned(trusted.certificates), inner }))
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
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
        self.inner.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Judges the certificate of a server.
#[derive(Debug)]
pub(super) struct Servers {
    pinned: Pinned,
    check_host: bool,
    inner: Arc<WebPkiServerVerifier>,
}

impl Servers {
    pub(super) fn new(
        trusted: Trusted,
        check_host: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<Servers>, String> {
        let inner = WebPkiServerVerifier::builder_with_provider(trusted.roots, provider)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Arc::new(Servers { pinned: Pinned(trusted.certificates), check_host, inner }))
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
        let outcome =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
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
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
