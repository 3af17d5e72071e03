//! The client's side: it answers one challenge, and then has the server prove that it knows the password too.

use super::directives::Directives;
use super::{FIRST_USE, Proof, Refused, equal};
use crate::limits::DIGEST_CHALLENGE_BYTES_MAX;

/// One exchange. Who drives it sends an empty message first, then what [`respond`](Self::respond) gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DigestMd5Client {
    user: String,
    password: String,
    uri: String,
    cnonce: String,
    /// What the server must prove with, once it was answered.
    expected: Option<String>,
}

impl DigestMd5Client {
    /// An exchange with the server called `server` of `service`. `cnonce` must never have been used; letters and
    /// digits only.
    pub fn new(service: &str, server: &str, user: &str, password: &str, cnonce: String) -> Self {
        assert!(cnonce.len() >= 16 && cnonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        DigestMd5Client {
            user: user.to_owned(),
            password: password.to_owned(),
            uri: format!("{service}/{server}"),
            cnonce,
            expected: None,
        }
    }

    /// The answer to a challenge.
    ///
    /// # Errors
    /// It is no challenge, or asks for a protection of the connection that there is not.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Refused> {
        if challenge.len() > DIGEST_CHALLENGE_BYTES_MAX {
            return Err(Refused::Malformed("it is too long"));
        }
        let said = Directives::parse(challenge)?;
        let nonce = said.required("nonce")?;
        let realm = said.optional("realm").unwrap_or_default();
        if said.required("algorithm")? != "md5-sess" {
            return Err(Refused::Mismatched("algorithm"));
        }
        let mut protections = said.optional("qop").unwrap_or("auth").split(',').map(str::trim);
        if !protections.any(|it| it == "auth") {
            return Err(Refused::Mismatched("quality of protection"));
        }
        let proof = Proof {
            user: &self.user,
            realm,
            password: &self.password,
            nonce,
            cnonce: &self.cnonce,
            authorization: None,
            uri: &self.uri,
        };
        let response = format!(
            "charset=utf-8,username={},realm={},nonce={},nc={FIRST_USE},cnonce={},digest-uri={},maxbuf=65536,response={},qop=auth",
            quoted(&self.user),
            quoted(realm),
            quoted(nonce),
            quoted(&self.cnonce),
            quoted(&self.uri),
            proof.value("AUTHENTICATE"),
        );
        self.expected = Some(proof.value(""));
        Ok(response.into_bytes())
    }

    /// Takes the server's last message.
    ///
    /// # Errors
    /// It does not know the password, or was not answered yet.
    pub fn finish(&mut self, message: &[u8]) -> Result<(), Refused> {
        let expected = self.expected.take().ok_or(Refused::Malformed("it comes before the challenge"))?;
        if message.len() > DIGEST_CHALLENGE_BYTES_MAX {
            return Err(Refused::Malformed("it is too long"));
        }
        let said = Directives::parse(message)?;
        match equal(said.required("rspauth")?.as_bytes(), expected.as_bytes()) {
            true => Ok(()),
            false => Err(Refused::Mismatched("proof of the server")),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::{DigestMd5Server, Step, Verified};
    use super::*;

    const NONCE: &str = "OA6MG9tEQGm2hhOA6MG9tEQGm2hh";

    fn exchange(user: &str, password: &str) -> Result<String, String> {
        let mut server = DigestMd5Server::new("zookeeper-quorum", "zk-quorum-sasl-md5", NONCE.to_owned());
        let cnonce = "0123456789abcdef".to_owned();
        let mut client =
            DigestMd5Client::new("zookeeper-quorum", "zk-quorum-sasl-md5", user, password, cnonce);
        let known = |name: &str| ["me", "q\"u\\o", "m\u{fc}ller"].contains(&name).then(|| "pass".to_owned());
        let Ok(Step::Challenge(challenge)) = server.step(b"", known) else {
            panic!("a challenge comes first")
        };
        let response = client.respond(&challenge).map_err(|refused| format!("client: {refused}"))?;
        match server.step(&response, known) {
            Ok(Step::Verified(Verified { name, token })) => {
                client.finish(&token).map_err(|refused| format!("client: {refused}"))?;
                assert!(client.finish(&token).is_err(), "once only");
                Ok(name)
            }
            Ok(step) => panic!("{step:?}"),
            Err(refused) => Err(refused.to_string()),
        }
    }

    #[test]
    fn both_sides_agree_if_they_know_the_same_password() {
        let check = |user: &str, password: &str, expect: Result<&str, &str>| {
            let found = exchange(user, password);
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{user}");
        };
        check("me", "pass", Ok("me"));
        check("q\"u\\o", "pass", Ok("q\"u\\o"));
        check("m\u{fc}ller", "pass", Ok("m\u{fc}ller"));
        check("me", "word", Err("the password of \"me\" is wrong"));
        check("you", "pass", Err("there is no user \"you\""));
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        let client = || DigestMd5Client::new("s", "r", "me", "pass", "0123456789abcdef".to_owned());
        let check = |challenge: &str, last: &str, expect: &str| {
            let mut client = client();
            let error = match client.respond(challenge.as_bytes()) {
                Ok(_) => client.finish(last.as_bytes()).expect_err(expect),
                Err(error) => error,
            };
            assert_eq!(error.to_string(), expect);
        };
        let good = "realm=\"r\",nonce=\"n\",algorithm=md5-sess,qop=\"auth,auth-int\"";
        check(
            good,
            "rspauth=00112233445566778899aabbccddeeff",
            "the proof of the server is not that of the challenge",
        );
        check(good, "", "the response is malformed: something that it must have is missing");
        check(
            "realm=\"r\",algorithm=md5-sess",
            "",
            "the response is malformed: something that it must have is missing",
        );
        check("nonce=\"n\",algorithm=md5", "", "the algorithm is not that of the challenge");
        check(
            "nonce=\"n\",algorithm=md5-sess,qop=\"auth-conf\"",
            "",
            "the quality of protection is not that of the challenge",
        );
        check("nonsense", "", "the response is malformed: a name has no value");
        assert!(client().finish(b"rspauth=x").is_err());
    }
}
