//! The server's side of TLS, with certificates that can be changed while it runs.

use super::settings::{ClientAuth, Settings};
use super::store::{StoreError, StoreFile};
use super::stream::{Detecting, TlsStream};
use super::verifier::{Clients, Trusted};
use super::{provider, provider_with};
use mio::net::TcpStream;
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection};
use std::sync::{Arc, PoisonError, RwLock};

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
        .with_single_cert(identity.chain, identity.key)
        .map_err(|error| store.error(format!("its key and its certificate are of no use: {error}")))?;
    // A client that reconnects must show its certificate as it is today.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((Arc::new(config), notes))
}
