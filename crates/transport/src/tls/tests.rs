use super::store::StoreFile;
use super::*;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Keys and certificates that live for a hundred years, made by openssl and keytool; the password is
/// `secret` everywhere.
fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "src/tls/testdata", name].iter().collect()
}

fn store(name: &str, password: &str) -> StoreFile {
    StoreFile { path: file(name), password: password.to_owned() }
}

fn server_certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file("server.pem")).expect("a certificate")
}

#[test]
fn every_format_gives_the_same_key_and_certificate() {
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    for name in ["both.pem", "encrypted.pem", "modern.p12", "legacy.p12", "store.jks"] {
        let identity = store(name, "secret").identity().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(identity.chain[0], server_certificate(), "{name}");
        let signs = |key: &PrivateKeyDer<'static>| {
            let provider = provider();
            let key = provider.key_provider.load_private_key(key.clone_key()).expect("a key that signs");
            key.public_key().map(|key| key.to_vec())
        };
        assert_eq!(signs(&identity.key), signs(&key), "{name}");
    }
}

#[test]
fn every_format_gives_the_same_trusted_certificate() {
    let ca = CertificateDer::from_pem_file(file("ca.pem")).expect("a certificate");
    for (name, password) in
        [("ca.pem", ""), ("trust.jks", "secret"), ("trust.jks", ""), ("trust.p12", "secret")]
    {
        let trusted = store(name, password).trusted().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(trusted, std::slice::from_ref(&ca), "{name}");
    }
}

#[test]
fn a_store_of_no_use_is_told_with_its_name_and_the_fix() {
    let check = |name: &str, password: &str, expect: &str| {
        let settings = Settings {
            key: Some(store(name, password)),
            client_auth: ClientAuth::None,
            ..Settings::default()
        };
        let error = Acceptor::new(&settings).expect_err(name).to_string();
        assert!(error.contains(name) && error.contains(expect), "{error}");
    };
    check("none.pem", "", "it cannot be read");
    check("ca.pem", "", "there is no private key in it");
    check("server.key", "", "there is a key in it, and no certificate");
    check("encrypted.pem", "", "its key is encrypted, and no password is given");
    check("encrypted.pem", "wrong", "its key cannot be decrypted: the password is wrong");
    check("modern.p12", "wrong", "the password is wrong, or the file is broken");
    check("legacy.p12", "wrong", "the password is wrong, or the file is broken");
    check("store.jks", "wrong", "the password is wrong, or the file is broken");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let check = |settings: Settings, expect: &str| {
        let settings = Settings { key: Some(store("both.pem", "")), ..settings };
        let error = Acceptor::new(&settings).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(Settings::default(), "name a file in ssl.trustStore.location, or set ssl.clientAuth=none");
    let none = Settings { client_auth: ClientAuth::None, ..Settings::default() };
    let suites = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    check(
        Settings { cipher_suites: suites(&["TLS_RSA_WITH_AES_128_CBC_SHA"]), ..none.clone() },
        "none of the cipher suites is served; there are TLS_AES_256_GCM_SHA384",
    );
    check(
        Settings {
            cipher_suites: suites(&["TLS_AES_128_GCM_SHA256"]),
            versions: vec![Version::Tls12],
            ..none.clone()
        },
        "the protocols and the cipher suites do not go together",
    );
    let both = suites(&["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"]);
    let settings = Settings { key: Some(store("both.pem", "")), cipher_suites: both, ..none };
    let (_, notes) = Acceptor::new(&settings).expect("one of them is served");
    assert_eq!(notes, ["the cipher suite TLS_RSA_WITH_AES_128_CBC_SHA is not served"]);
}

/// Cut anywhere, a store is an error or less of the same; it never ends the process.
#[test]
fn a_torn_store_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["both.pem", "modern.p12", "store.jks", "trust.jks"] {
        let whole = fs::read(file(name)).expect("a file");
        for cut in (0..whole.len()).step_by(whole.len() / 40 + 1) {
            let path = directory.path().join(name);
            fs::write(&path, &whole[..cut]).expect("written");
            let torn = StoreFile { path, password: "secret".to_owned() };
            drop(torn.identity());
            let _ = torn.trusted();
        }
    }
}

#[test]
fn subjects_are_written_as_java_writes_them() {
    let name = subject_name(&server_certificate()).expect("it has a subject");
    // What X500Principal.getName() of Java 17 says of the same file.
    assert_eq!(
        name,
        "CN=\\ server \\\"x\\\",1.2.840.113549.1.9.1=#16056140622e63,UID=u1,DC=example,OU=\\#1,\
         OU=a\\=b+O=Example,L=Ort\\, am See,ST=Bayern,C=DE"
    );
    assert_eq!(subject_name(b"garbage"), None);
}

/// Both sides with certificates of one authority.
fn mutual() -> Settings {
    Settings { key: Some(store("both.pem", "")), trust: Some(store("ca.pem", "")), ..Settings::default() }
}

/// A connection of sockets, dialler first.
fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let dialler = TcpStream::connect(listener.local_addr().expect("its address")).expect("connected");
    (dialler, listener.accept().expect("accepted").0)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Shakes hands on both sides at once.
fn both_sides(
    host: &str,
    settings: &Settings,
    names: Option<Vec<String>>,
) -> (io::Result<SharedTls>, io::Result<SharedTls>) {
    let (acceptor, _) = Acceptor::new(settings).expect("the stores are good");
    let connector = Connector::new(settings).expect("the stores are good");
    let (dialler, accepted) = sockets();
    thread::scope(|scope| {
        let server = scope.spawn(|| acceptor.accept_blocking(accepted, soon(), names.as_deref()));
        let client = connector.connect_blocking(dialler, host, soon());
        (client, server.join().expect("no panic"))
    })
}

#[test]
fn one_thread_reads_while_another_writes_on_both_sides() {
    const BYTES: usize = 3 << 20;
    let settings = Settings { check_host: false, ..mutual() };
    let (client, server) = both_sides("127.0.0.1", &settings, None);
    let ends = [client.expect("shaken"), server.expect("shaken")];
    let byte = |at: usize, side: usize| (at / 7 + side * 31) as u8;
    thread::scope(|scope| {
        for (side, end) in ends.iter().enumerate() {
            scope.spawn(move || {
                let all: Vec<u8> = (0..BYTES).map(|at| byte(at, side)).collect();
                // Pieces of all lengths.
                let (mut rest, mut length) = (&all[..], 1);
                while !rest.is_empty() {
                    let (piece, left) = rest.split_at(length.min(rest.len()));
                    (&*end).write_all(piece).expect("written");
                    (rest, length) = (left, length * 5 % 200_003 + 1);
                }
                end.shut_down_writing();
            });
            scope.spawn(move || {
                let mut all = Vec::new();
                (&*end).read_to_end(&mut all).expect("read to the farewell");
                assert_eq!(all.len(), BYTES);
                assert!((0..BYTES).all(|at| all[at] == byte(at, 1 - side)));
            });
        }
    });
}

#[test]
fn a_shared_connection_is_made_with_the_right_names_only() {
    let named = |name: &str| Some(vec![name.to_owned()]);
    // As the certificate of the tests says.
    let (client, server) = both_sides("localhost", &mutual(), named("localhost"));
    assert!(client.is_ok() && server.is_ok(), "{client:?} {server:?}");
    // Called by a name that is not in it, and reached at an address that is.
    let (client, _) = both_sides("node.example", &mutual(), None);
    assert!(client.is_ok(), "{client:?}");
    let (_, server) = both_sides("localhost", &mutual(), named("other.example"));
    let error = server.expect_err("it is for another").to_string();
    assert_eq!(error, "its certificate is for none of other.example");
}

#[test]
fn what_is_no_handshake_ends_in_time() {
    let (acceptor, _) = Acceptor::new(&mutual()).expect("the stores are good");
    let check = |said: &[u8], hang_up: bool, until: Instant, expect: &str| {
        let (mut dialler, accepted) = sockets();
        dialler.write_all(said).expect("written");
        if hang_up {
            dialler.shutdown(Shutdown::Write).expect("shut down");
        }
        let error = acceptor.accept_blocking(accepted, until, None).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(b"", true, soon(), "it left in the middle of the TLS handshake");
    check(b"\x16\x03\x01", true, soon(), "it left in the middle of the TLS handshake");
    check(b"GET / HTTP/1.1\r\n\r\n", false, soon(), "it does not speak TLS");
    check(&[0xff; 64], false, soon(), "it does not speak TLS");
    check(b"\x16\x03\x01", false, Instant::now(), "the TLS handshake takes too long");
}
