use crate::config::KeeperConfig;
use crate::security::{Passwords, Security};
use crate::talk::check_with;

fn with_security(security: Security) -> KeeperConfig {
    KeeperConfig { security, ..KeeperConfig::default() }
}

#[test]
fn a_certificate_is_an_identity_and_may_be_the_super_user() {
    let mut security = Security::default();
    security.schemes.x509 = true;
    security.x509_super_user = Some("CN=root".to_owned());
    check_with(
        with_security(security),
        r#"
        1 > open 10.0.0.1:5000
        1 > secured CN=bob
        1 > connect-on 10000
        1 < session for 10000 in 37 bytes
        1 > who-am-i
        1 < whoAmI ip:10.0.0.1,x509:CN=bob @1
        1 > auth-as x509
        1 < auth ok @0
        1 > create /m x mine
        1 < create /m @2
        1 > get-acl /m
        1 < getACL x509:CN=bob:cdrwa @2
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        2 > get /m
        2 < getData NoAuth @3
        2 > create /n x for sasl bob
        2 < create InvalidACL @4
        3 > open 10.0.0.1:5001
        3 > secured CN=root
        3 > connect-on 10000
        3 < session for 10000 in 37 bytes
        3 > get /m
        3 < getData "x" v0 c0 a0 n0 @5
        2 > auth-as x509
        2 < auth AuthFailed @0
        2 < refused: it cannot be identified by the scheme "x509"
        2 < closed
        "#,
    );
}

#[test]
fn who_fails_to_log_in_goes_or_stays_as_nobody() {
    let mut security = Security::default();
    security.schemes.sasl = true;
    let users = [("bob".to_owned(), "secret".to_owned())];
    security.sasl_users = Some(Passwords(users.into()));
    check_with(
        with_security(security.clone()),
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > sasl username="bob"
        1 < sasl AuthFailed @0
        1 < refused: it cannot log in by SASL: the response is malformed: it comes before the challenge
        1 < closed
        "#,
    );
    security.allow_sasl_failed = true;
    check_with(
        with_security(security.clone()),
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > sasl username="bob"
        1 < sasl null @0
        1 < refused: it cannot log in by SASL: the response is malformed: it comes before the challenge
        1 > ls /
        1 < getChildren ["zookeeper"] @1
        "#,
    );
    security.enforced_schemes = ["sasl".to_owned()].into();
    check_with(
        with_security(security),
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > sasl username="bob"
        1 < sasl SessionClosedRequireSaslAuth @0
        1 < refused: it cannot log in by SASL: the response is malformed: it comes before the challenge
        1 < closed
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        2 > ping
        2 < refused: it is not authenticated by sasl
        2 < ping SessionClosedRequireSaslAuth @0
        2 < closed
        "#,
    );
}

#[test]
fn a_learner_hands_on_nothing_of_whom_it_must_not_serve() {
    use crate::member::{Part, Votes};

    let mut security = Security::default();
    security.enforced_schemes.insert("digest".to_owned());
    let mut talk = crate::talk::Talk::new(with_security(security));
    talk.line("1 > connect 10000");
    talk.keeper.server.member.part = Part::Learning(zab::LinkId(1), Votes::Yes);
    talk.out.clear();
    talk.line("1 > create /a x");
    assert!(talk.out.contains("refused: it is not authenticated by digest"), "{}", talk.out);
    assert_eq!(talk.keeper.server.member.forwarded_count, 0);
}
