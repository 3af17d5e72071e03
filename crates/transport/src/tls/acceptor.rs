//! The server's side of TLS, with certificates that can be changed while it runs.

use super::settings::{ClientAuth, Settings};
use super::shared::SharedTls;
use super::store::{StoreError, StoreFile};
use super::stream::{Detecting, TlsStream};
use super::verifier::{Clients, Trusted, is_for};
use super::{first_version, provider, provider_with};
use mio::net::TcpStream;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

/// Makes TLS of accepted connections. Clones share their certificates.
#[derive(Clone, Debug)]
pub struct Acceptor {
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// Reads the stores. The second part is what is not served of that which was asked for.
    pub fn new(settings: &Settings) -> Result<(Acceptor, Vec<String>), StoreError> {
        let (config, notes) = configure(settings)?;
        Ok((Acceptor { current: Arc::new(RwLock::new(config)) }, notes))
    }

    /// Reads the stores anew, for connections from now on. After an error the old ones stay in use.
    pub fn reload(&self, settings: &Settings) -> Result<(), StoreError> {
        let (config, _) = configure(settings)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// The server's side of a connection whose handshake is still to come.
    pub fn accept(&self, stream: TcpStream) -> Result<TlsStream, rustls::Error> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        Ok(TlsStream::new(stream, ServerConnection::new(config)?.into()))
    }

    /// The server's side of a blocking connection; shakes hands before `until`. If `names` are given, the client's
    /// certificate must be for one of them, each a name or an address.
    pub fn accept_blocking(
        &self,
        socket: std::net::TcpStream,
        until: Instant,
        names: Option<&[String]>,
    ) -> io::Result<SharedTls> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        let tls = SharedTls::establish(socket, session.into(), until)?;
        if let (Some(names), Some(shown)) = (names, tls.certificate())
            && !names.iter().any(|name| is_for(&shown, name))
        {
            let why = format!("its certificate is for none of {}", names.join(", "));
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        Ok(tls)
    }

    /// A connection whose first byte tells whether it speaks TLS or not.
    pub fn detect(&self, stream: TcpStream) -> Detecting {
        Detecting::new(stream, self.clone())
    }
}

fn configure(settings: &Settings) -> Result<(Arc<ServerConfig>, Vec<String>), StoreError> {
    let nowhere = StoreFile { path: "TLS".into(), password: String::new() };
    let store = settings.key.as_ref().ok_or_else(|| {
        nowhere.error("a server needs a certificate: name the file in ssl.keyStore.location")
    })?;
    let (provider_chosen, unknown) = provider_with(&settings.cipher_suites);
    let notes = unknown.iter().map(|name| format!("the cipher suite {name} is not served")).collect();
    if provider_chosen.cipher_suites.is_empty() {
        let all = provider_with(&[]).0;
        let names: Vec<String> = all.cipher_suites.iter().map(|it| format!("{:?}", it.suite())).collect();
        let names = names.join(", ").replace("TLS13_", "TLS_");
        return Err(nowhere.error(format!("none of the cipher suites is served; there are {names}")));
    }
    let identity = store.identity()?;
    let of_no_use =
        |error: rustls::Error| store.error(format!("its key and its certificate are of no use: {error}"));
    let key = provider_chosen.key_provider.load_private_key(identity.key).map_err(of_no_use)?;
    let certified = CertifiedKey::new(identity.chain, key);
    first_version::fits(&certified).map_err(of_no_use)?;
    let verifier = match (&settings.client_auth, &settings.trust) {
        (ClientAuth::None, _) => WebPkiClientVerifier::no_client_auth(),
        (_, None) => {
            return Err(nowhere.error(
                "clients are asked for certificates (ssl.clientAuth), and nothing says which are believed: name \
                 a file in ssl.trustStore.location, or set ssl.clientAuth=none",
            ));
        }
        (client_auth, Some(trust)) => {
            let trusted = Trusted::new(trust.trusted()?);
            let must = *client_auth == ClientAuth::Need;
            Clients::verifier(trusted, must, Arc::new(provider())).map_err(|why| trust.error(why))?
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider_chosen)
        .with_protocol_versions(&settings.rustls_versions())
        .map_err(|error| {
            nowhere.error(format!("the protocols and the cipher suites do not go together: {error}"))
        })?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    // A client that reconnects must show its certificate as it is today.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((Arc::new(config), notes))
}
