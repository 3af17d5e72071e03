//! The client's side of TLS.

use super::provider_with;
use super::settings::Settings;
use super::store::{StoreError, StoreFile};
use super::verifier::{Servers, Trusted};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Makes TLS of dialled connections. Clones share their certificates.
#[derive(Clone, Debug)]
pub struct Connector {
    config: Arc<ClientConfig>,
}

impl Connector {
    /// Reads the stores. A trust store is needed: nobody is believed without one.
    pub fn new(settings: &Settings) -> Result<Connector, StoreError> {
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
            .with_custom_certificate_verifier(servers);
        let config = match &settings.key {
            None => builder.with_no_client_auth(),
            Some(store) => {
                let identity = store.identity()?;
                builder.with_client_auth_cert(identity.chain, identity.key).map_err(|error| {
                    store.error(format!("its key and its certificate are of no use: {error}"))
                })?
            }
        };
        Ok(Connector { config: Arc::new(config) })
    }

    /// The client's side of a blocking connection to `host`, a name or an address.
    pub fn connect(&self, stream: TcpStream, host: &str) -> io::Result<BlockingTls> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        Ok(BlockingTls { stream: StreamOwned::new(connection, stream) })
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
