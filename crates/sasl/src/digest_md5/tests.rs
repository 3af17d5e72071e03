use super::*;

const NONCE: &str = "OA6MG9tEQGm2hhOA6MG9tEQGm2hh";

fn passwords(user: &str) -> Option<String> {
    match user {
        "chris" => Some("secret".to_owned()),
        "m\u{fc}ller" => Some("pa\"ss".to_owned()),
        _ => None,
    }
}

/// The exchange in RFC 2831, section 4, whose nonce is not letters and digits only.
#[test]
fn the_example_of_the_rfc_gives_its_values() {
    let proof = Proof {
        user: "chris",
        realm: "elwood.innosoft.com",
        password: "secret",
        nonce: "OA6MG9tEQGm2hh",
        cnonce: "OA6MHXh6VqTrRk",
        authorization: None,
        uri: "imap/elwood.innosoft.com",
    };
    assert_eq!(proof.value("AUTHENTICATE"), "d388dad90d4bbd760a152321f2143af7");
    assert_eq!(proof.value(""), "ea40f60335c427b5527b84dbabcdfffd");
}

fn server() -> DigestMd5Server {
    DigestMd5Server::new("zookeeper", "zk-sasl-md5", NONCE.to_owned())
}

fn response(user: &str, password: &str, more: &str) -> String {
    let proof = Proof {
        user,
        realm: "zk-sasl-md5",
        password,
        nonce: NONCE,
        cnonce: "abc",
        authorization: None,
        uri: "zookeeper/zk-sasl-md5",
    };
    let value = proof.value("AUTHENTICATE");
    let user = user.replace('"', "\\\"");
    format!(
        "charset=utf-8,username=\"{user}\",realm=\"zk-sasl-md5\",nonce=\"{NONCE}\",nc=00000001,cnonce=\"abc\",\
         digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,response={value},qop=auth{more}"
    )
}

/// The answer to a response, as text.
fn answer(response: &str) -> String {
    let mut server = server();
    assert_eq!(
        server.step(b"", passwords),
        Ok(Step::Challenge(
            format!("realm=\"zk-sasl-md5\",nonce=\"{NONCE}\",charset=utf-8,algorithm=md5-sess").into_bytes()
        ))
    );
    match server.step(response.as_bytes(), passwords) {
        Ok(Step::Verified(verified)) => verified.name,
        Ok(step) => panic!("{step:?}"),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn only_the_right_answer_is_accepted() {
    let right = response("chris", "secret", "");
    let check = |response: &str, expect: &str| assert_eq!(answer(response), expect, "{response}");
    check(&right, "chris");
    check(&response("m\u{fc}ller", "pa\"ss", ""), "m\u{fc}ller");
    check(&response("chris", "Secret", ""), "the password of \"chris\" is wrong");
    check(&response("nobody", "secret", ""), "there is no user \"nobody\"");
    check(&right.replace("abc", "abd"), "the password of \"chris\" is wrong");
    check(
        &right.replace("nc=00000001", "nc=00000002"),
        "the count of the nonce is not that of the challenge",
    );
    check(&right.replace(NONCE, "other"), "the nonce is not that of the challenge");
    check(&right.replace("realm=\"zk-sasl-md5\",", ""), "the realm is not that of the challenge");
    check(&right.replace("zookeeper/", "imap/"), "the service is not that of the challenge");
    check(
        &right.replace("qop=auth", "qop=auth-int"),
        "the quality of protection is not that of the challenge",
    );
    // Somebody else's name needs to be in the response value.
    check(&format!("{right},authzid=\"super\""), "the password of \"chris\" is wrong");
}

#[test]
fn malformed_answers_are_refused() {
    let right = response("chris", "secret", "");
    let check = |response: &str, why: &str| {
        assert_eq!(answer(response), format!("the response is malformed: {why}"), "{response}");
    };
    let missing = "something that it must have is missing";
    check("", missing);
    check(",,,", missing);
    check("n,x,\u{1}", "a name has no value");
    check("username=\"chris", "a quote is not closed");
    check("username=\"chris\\", "a quote is not closed");
    check("username=\"chris\"realm=\"x\"", "a comma is missing");
    check("=\"chris\"", "a name is empty or comes twice");
    check(&format!("{right},nonce=\"x\""), "a name is empty or comes twice");
    check(&format!("{right},x=\"{}\"", "y".repeat(4096)), "it is too long");
    // What follows the value may be left out.
    for cut in 0..right.find(",qop").expect("it is the last") {
        assert_ne!(answer(&right[..cut]), "chris", "{cut}");
    }
    let mut server = server();
    let too_soon = server.step(right.as_bytes(), passwords);
    assert_eq!(too_soon, Err(Refused::Malformed("it comes before the challenge")));
    assert_eq!(server.step(b"", passwords), Err(Refused::Malformed("it comes after the end")));
}

#[test]
fn a_challenge_is_answered_once() {
    let mut server = server();
    server.step(b"", passwords).expect("a challenge");
    assert!(server.step(response("chris", "wrong", "").as_bytes(), passwords).is_err());
    let again = server.step(response("chris", "secret", "").as_bytes(), passwords);
    assert_eq!(again, Err(Refused::Malformed("it comes after the end")));
}

#[test]
fn whom_he_acts_as_may_be_another() {
    let proof = Proof {
        user: "chris",
        realm: "zk-sasl-md5",
        password: "secret",
        nonce: NONCE,
        cnonce: "abc",
        authorization: Some("admin"),
        uri: "zookeeper/zk-sasl-md5",
    };
    let text = response("chris", "secret", ",authzid=\"admin\"");
    let (before, after) = text.split_once("response=").expect("it has one");
    let text = format!("{before}response={}{}", proof.value("AUTHENTICATE"), &after[32..]);
    assert_eq!(answer(&text), "admin");
}
