//! The client's side of TLS.

use super::provider_with;
use super::settings::Settings;
use super::shared::SharedTls;
use super::store::{StoreError, StoreFile};
use super::verifier::{AnyName, Servers, Trusted};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

/// Makes TLS of dialled connections. Clones share their certificates.
#[derive(Clone, Debug)]
pub struct Connector {
    current: Arc<RwLock<Stores>>,
}

/// What was read from the stores.
#[derive(Clone, Debug)]
struct Stores {
    config: Arc<ClientConfig>,
    servers: Arc<Servers>,
}

impl Connector {
    /// Reads the stores. A trust store is needed: nobody is believed without one.
    pub fn new(settings: &Settings) -> Result<Connector, StoreError> {
        Ok(Connector { current: Arc::new(RwLock::new(Stores::read(settings)?)) })
    }

    /// Reads the stores anew, for connections from now on. After an error the old ones stay in use.
    pub fn reload(&self, settings: &Settings) -> Result<(), StoreError> {
        let stores = Stores::read(settings)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = stores;
        Ok(())
    }

    fn stores(&self) -> Stores {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The client's side of a blocking connection to `host`, a name or an address.
    pub fn connect(&self, stream: TcpStream, host: &str) -> io::Result<BlockingTls> {
        let connection =
            ClientConnection::new(self.stores().config, name_of(host)?).map_err(io::Error::other)?;
        Ok(BlockingTls { stream: StreamOwned::new(connection, stream) })
    }

    /// The client's side of a blocking connection to `host`, a name or an address, whose certificate may be for
    /// the address that it was reached at instead. Shakes hands before `until`.
    pub fn connect_blocking(&self, socket: TcpStream, host: &str, until: Instant) -> io::Result<SharedTls> {
        let Stores { config, servers } = self.stores();
        let names = vec![ServerName::IpAddress(socket.peer_addr()?.ip().into())];
        let mut config = ClientConfig::clone(&config);
        config.dangerous().set_certificate_verifier(Arc::new(AnyName { servers, names }));
        let session = ClientConnection::new(Arc::new(config), name_of(host)?).map_err(io::Error::other)?;
        SharedTls::establish(socket, session.into(), until)
    }
}

fn name_of(host: &str) -> io::Result<ServerName<'static>> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(host).map_err(io::Error::other)
}

impl Stores {
    fn read(settings: &Settings) -> Result<Stores, StoreError> {
        let nowhere = StoreFile { path: "TLS".into(), password: String::new() };
        let trust = settings
            .trust
            .as_ref()
            .ok_or_else(|| nowhere.error("name a file with the certificates that are believed"))?;
        let (provider, _) = provider_with(&settings.cipher_suites);
        let trusted = Trusted::new(trust.trusted()?);
        let servers = Servers::new(trusted, settings.check_host, Arc::clone(&provider))
            .map_err(|why| trust.error(why))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&settings.rustls_versions())
            .map_err(|error| nowhere.error(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&servers) as _);
        let config = match &settings.key {
            None => builder.with_no_client_auth(),
            Some(store) => {
                let identity = store.identity()?;
                builder.with_client_auth_cert(identity.chain, identity.key).map_err(|error| {
                    store.error(format!("its key and its certificate are of no use: {error}"))
                })?
            }
        };
        Ok(Stores { config: Arc::new(config), servers })
    }
}

/// A connection that blocks, over TLS.
#[derive(Debug)]
pub struct BlockingTls {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl BlockingTls {
    /// The socket, for its time-outs.
    pub fn socket(&self) -> &TcpStream {
        &self.stream.sock
    }
}

impl Read for BlockingTls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            // Every frame has its length: a missing farewell hides nothing.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            outcome => outcome,
        }
    }
}

impl Write for BlockingTls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
