//! SASL between members (`quorum.auth.*`): who dials proves with DIGEST-MD5 that he knows the password of a user, and
//! is shown that the other side does. Nothing of the connection is hidden by it: that is what TLS is for.
//!
//! ```text
//! QuorumAuthPacket: long magic, int status (0 in progress, 1 success, -1 error), buffer token
//! ```
//! On the quorum port the exchange comes first, on the election port behind the greeting. The side that dials begins,
//! with an empty token. Source: `SaslQuorumAuthLearner`, `SaslQuorumAuthServer`.

use std::io::{self, Read, Write};

use sasl::{DigestMd5Client, DigestMd5Server, Step};

use super::limits::AUTHENTICATION_TOKEN_BYTES_MAX;

const MAGIC: i64 = 0x5F24_3501_3501_EDCC;
const SERVICE: &str = "zookeeper-quorum";
const SERVER: &str = "zk-quorum-sasl-md5";

const IN_PROGRESS: i32 = 0;
const SUCCESS: i32 = 1;
const ERROR: i32 = -1;

/// What came of asking who is there.
#[derive(Debug)]
pub(super) enum Asked {
    /// This user, who knew his password.
    Proved(String),
    /// He did not begin to prove anything: these are the first bytes that he sent instead.
    Silent(Vec<u8>),
}

/// Proves to the other side who we are.
pub(super) fn prove(
    mut stream: impl Read + Write,
    user: &str,
    password: &str,
    cnonce: String,
) -> io::Result<()> {
    let mut client = DigestMd5Client::new(SERVICE, SERVER, user, password, cnonce);
    send(&mut stream, IN_PROGRESS, b"")?;
    let (status, challenge) = receive(&mut stream)?;
    if status != IN_PROGRESS {
        return Err(refused("it does not want to know who we are by SASL"));
    }
    send(&mut stream, IN_PROGRESS, &client.respond(&challenge).map_err(refused)?)?;
    let (status, token) = receive(&mut stream)?;
    if status != SUCCESS {
        return Err(refused(format!("it does not believe that we are {user:?}: see its log")));
    }
    client.finish(&token).map_err(refused)
}

/// Asks the other side who it is.
pub(super) fn ask(
    mut stream: impl Read + Write,
    nonce: String,
    password_of: impl Fn(&str) -> Option<String>,
) -> io::Result<Asked> {
    let mut first = [0; 8];
    let mut here = 0;
    while here < first.len() {
        match stream.read(&mut first[here..]) {
            Ok(0) => break,
            Ok(bytes) => here += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if here < first.len() || i64::from_be_bytes(first) != MAGIC {
        return Ok(Asked::Silent(first[..here].to_vec()));
    }
    let outcome = question(&mut stream, nonce, password_of);
    if outcome.is_err() {
        let _ = send(&mut stream, ERROR, b"");
    }
    outcome.map(Asked::Proved)
}

fn question(
    stream: &mut (impl Read + Write),
    nonce: String,
    password_of: impl Fn(&str) -> Option<String>,
) -> io::Result<String> {
    let mut server = DigestMd5Server::new(SERVICE, SERVER, nonce);
    let (_, mut token) = receive_rest(stream)?;
    loop {
        match server.step(&token, &password_of).map_err(refused)? {
            Step::Challenge(challenge) => send(stream, IN_PROGRESS, &challenge)?,
            Step::Verified(verified) => {
                send(stream, SUCCESS, &verified.token)?;
                return Ok(verified.name);
            }
        }
        (_, token) = receive(stream)?;
    }
}

fn send(stream: &mut impl Write, status: i32, token: &[u8]) -> io::Result<()> {
    let length = i32::try_from(token.len()).expect("a token of ours is short");
    let packet = [&MAGIC.to_be_bytes()[..], &status.to_be_bytes(), &length.to_be_bytes(), token].concat();
    stream.write_all(&packet)
}

fn receive(stream: &mut impl Read) -> io::Result<(i32, Vec<u8>)> {
    let mut magic = [0; 8];
    stream.read_exact(&mut magic)?;
    if i64::from_be_bytes(magic) != MAGIC {
        return Err(refused("it says something else in the middle of proving who it is"));
    }
    receive_rest(stream)
}

fn receive_rest(stream: &mut impl Read) -> io::Result<(i32, Vec<u8>)> {
    let mut number = [0; 4];
    stream.read_exact(&mut number)?;
    let status = i32::from_be_bytes(number);
    stream.read_exact(&mut number)?;
    // A token that is null is written with the length -1.
    let length = i32::from_be_bytes(number).max(0) as usize;
    if length > AUTHENTICATION_TOKEN_BYTES_MAX {
        return Err(refused(format!("a token of {length} bytes")));
    }
    let mut token = vec![0; length];
    stream.read_exact(&mut token)?;
    Ok((status, token))
}

fn refused(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::thread;

    const NONCE: &str = "0123456789abcdef0123456789abcdef";

    fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dialer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (dialer, listener.accept().unwrap().0)
    }

    fn password_of(user: &str) -> Option<String> {
        (user == "member").then(|| "secret".to_owned())
    }

    #[test]
    fn who_knows_the_password_is_let_in() {
        let check = |user: &str, password: &str, expect: Result<&str, &str>| {
            let (dialer, accepted) = sockets();
            let (proved, asked) = thread::scope(|scope| {
                let asked = scope.spawn(|| ask(&accepted, NONCE.to_owned(), password_of));
                (prove(&dialer, user, password, NONCE.to_owned()), asked.join().unwrap())
            });
            match (asked, expect) {
                (Ok(Asked::Proved(name)), Ok(expect)) => {
                    assert_eq!(name, expect);
                    proved.unwrap();
                }
                (Err(error), Err(expect)) => {
                    assert_eq!(error.to_string(), expect);
                    let told = proved.unwrap_err().to_string();
                    assert!(told.contains("it does not believe that we are"), "{told}");
                }
                (asked, _) => panic!("{user}: {asked:?}"),
            }
        };
        check("member", "secret", Ok("member"));
        check("member", "wrong", Err("the password of \"member\" is wrong"));
        check("stranger", "secret", Err("there is no user \"stranger\""));
    }

    #[test]
    fn what_is_no_proof_is_given_back_or_refused() {
        let check = |said: &[u8], expect: Result<&[u8], &str>| {
            let (mut dialer, accepted) = sockets();
            dialer.write_all(said).unwrap();
            dialer.shutdown(Shutdown::Write).unwrap();
            match (ask(&accepted, NONCE.to_owned(), password_of), expect) {
                (Ok(Asked::Silent(bytes)), Ok(expect)) => assert_eq!(bytes, expect),
                (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
                (asked, _) => panic!("{said:?}: {asked:?}"),
            }
        };
        check(b"", Ok(b""));
        check(b"abc", Ok(b"abc"));
        check(b"12345678more", Ok(b"12345678"));
        let magic = MAGIC.to_be_bytes();
        check(&magic, Err("failed to fill whole buffer"));
        check(
            &[&magic[..], &[0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]].concat(),
            Err("a token of 2147483647 bytes"),
        );
        // A token that comes before the challenge.
        check(&[&magic[..], &[0, 0, 0, 0, 0, 0, 0, 1, 7]].concat(), Err("it comes before the challenge"));
        // Null, which is the same as empty, and then nothing.
        check(
            &[&magic[..], &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat(),
            Err("failed to fill whole buffer"),
        );
    }

    #[test]
    fn a_member_that_does_not_ask_is_told_apart() {
        let (dialer, mut accepted) = sockets();
        send(&mut accepted, ERROR, b"").unwrap();
        let error = prove(&dialer, "member", "secret", NONCE.to_owned()).unwrap_err();
        assert_eq!(error.to_string(), "it does not want to know who we are by SASL");
    }
}
