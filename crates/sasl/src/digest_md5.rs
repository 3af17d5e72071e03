//! The server's side of DIGEST-MD5 (RFC 2831), as Java's has it: one realm, `qop=auth`, no reuse of a
//! nonce.
//!
//! The mechanism is historic; ZooKeeper's clients know no other with passwords. It hides the password, and
//! nothing of the connection: it belongs inside TLS.

mod client;
mod directives;

pub use client::DigestMd5Client;

use crate::limits::DIGEST_RESPONSE_BYTES_MAX;
use directives::Directives;
use md5::{Digest, Md5};
use std::fmt;

/// One exchange. Invariant: a nonce is answered once, whatever the answer is worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DigestMd5Server {
    service: String,
    realm: String,
    nonce: String,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Begun,
    Challenged,
    Over,
}

/// What a message led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Send this and wait for the answer.
    Challenge(Vec<u8>),
    /// The client is who he says.
    Verified(Verified),
}

/// A client whose password was right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Whom he acts as: the authorization id, or his own name if he gave none.
    pub name: String,
    /// To be sent to him: the proof that we know the password too.
    pub token: Vec<u8>,
}

/// Why a client is refused: for our log. He is only told that he is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The message breaks the rules of the mechanism.
    Malformed(&'static str),
    /// It is not an answer to our challenge.
    Mismatched(&'static str),
    /// There is no such user.
    UnknownUser(String),
    /// The password is wrong.
    WrongPassword(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Malformed(why) => write!(f, "the response is malformed: {why}"),
            Refused::Mismatched(what) => write!(f, "the {what} is not that of the challenge"),
            Refused::UnknownUser(user) => write!(f, "there is no user {user:?}"),
            Refused::WrongPassword(user) => write!(f, "the password of {user:?} is wrong"),
        }
    }
}

impl std::error::Error for Refused {}

impl DigestMd5Server {
    /// An exchange for `service` (`zookeeper`) and `realm`, which is the server's name too
    /// (`zk-sasl-md5`). `nonce` must never have been used and not be guessable; letters and digits only.
    pub fn new(service: &str, realm: &str, nonce: String) -> Self {
        assert!(nonce.len() >= 16 && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        DigestMd5Server { service: service.to_owned(), realm: realm.to_owned(), nonce, stage: Stage::Begun }
    }

    /// Takes the client's next message: an empty one first, then the answer to the challenge.
    pub fn step(
        &mut self,
        message: &[u8],
        password_of: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Step, Refused> {
        match self.stage {
            Stage::Begun if message.is_empty() => {
                self.stage = Stage::Challenged;
                let (realm, nonce) = (&self.realm, &self.nonce);
                let text = format!("realm=\"{realm}\",nonce=\"{nonce}\",charset=utf-8,algorithm=md5-sess");
                Ok(Step::Challenge(text.into_bytes()))
            }
            Stage::Begun => {
                self.stage = Stage::Over;
                Err(Refused::Malformed("it comes before the challenge"))
            }
            Stage::Challenged => {
                self.stage = Stage::Over;
                self.verify(message, password_of).map(Step::Verified)
            }
            Stage::Over => Err(Refused::Malformed("it comes after the end")),
        }
    }

    fn verify(
        &self,
        message: &[u8],
        password_of: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Verified, Refused> {
        if message.len() > DIGEST_RESPONSE_BYTES_MAX {
            return Err(Refused::Malformed("it is too long"));
        }
        let said = Directives::parse(message)?;
        let user = said.required("username")?;
        let realm = said.optional("realm").unwrap_or_default();
        let cnonce = said.required("cnonce")?;
        let uri = said.required("digest-uri")?;
        if realm != self.realm {
            return Err(Refused::Mismatched("realm"));
        }
        if said.required("nonce")? != self.nonce {
            return Err(Refused::Mismatched("nonce"));
        }
        if said.required("nc")? != FIRST_USE {
            return Err(Refused::Mismatched("count of the nonce"));
        }
        if !uri.eq_ignore_ascii_case(&format!("{}/{}", self.service, self.realm)) {
            return Err(Refused::Mismatched("service"));
        }
        if said.optional("qop").unwrap_or("auth") != "auth" {
            return Err(Refused::Mismatched("quality of protection"));
        }
        let password = password_of(user).ok_or_else(|| Refused::UnknownUser(user.to_owned()))?;
        let proof = Proof {
            user,
            realm,
            password: &password,
            nonce: &self.nonce,
            cnonce,
            authorization: said.optional("authzid"),
            uri,
        };
        if !equal(said.required("response")?.as_bytes(), proof.value("AUTHENTICATE").as_bytes()) {
            return Err(Refused::WrongPassword(user.to_owned()));
        }
        let name = said.optional("authzid").filter(|name| !name.is_empty()).unwrap_or(user).to_owned();
        Ok(Verified { name, token: format!("rspauth={}", proof.value("")).into_bytes() })
    }
}

/// `nc` of a nonce that is used for the first time, which ours always are.
const FIRST_USE: &str = "00000001";

/// All that a response value is computed from (RFC 2831, 2.1.2.1).
struct Proof<'a> {
    user: &'a str,
    realm: &'a str,
    password: &'a str,
    nonce: &'a str,
    cnonce: &'a str,
    authorization: Option<&'a str>,
    uri: &'a str,
}

impl Proof<'_> {
    /// `method` is `AUTHENTICATE` for the client's value, and empty for the server's.
    fn value(&self, method: &str) -> String {
        let secret = Md5::new()
            .chain_update(narrow(self.user))
            .chain_update(b":")
            .chain_update(narrow(self.realm))
            .chain_update(b":")
            .chain_update(narrow(self.password))
            .finalize();
        let mut a1 = Md5::new().chain_update(secret);
        for part in [Some(self.nonce), Some(self.cnonce), self.authorization].into_iter().flatten() {
            a1.update(b":");
            a1.update(part);
        }
        let a1 = hex(&a1.finalize());
        let a2 = hex(&Md5::digest(format!("{method}:{}", self.uri)));
        let (nonce, cnonce) = (self.nonce, self.cnonce);
        hex(&Md5::digest(format!("{a1}:{nonce}:{FIRST_USE}:{cnonce}:auth:{a2}")))
    }
}

/// In ISO 8859-1 if that has all the characters, else in UTF-8: as the RFC wants it hashed.
fn narrow(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
    narrow.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares without telling by its time where the first difference is.
fn equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// A nonce that nobody guesses who does not know `secret`, and that is new if `number` is.
pub fn nonce(secret: u64, number: u64, time_ms: i64) -> String {
    let sum = Md5::new()
        .chain_update(secret.to_be_bytes())
        .chain_update(number.to_be_bytes())
        .chain_update(time_ms.to_be_bytes());
    hex(&sum.finalize())
}

#[cfg(test)]
mod tests;
