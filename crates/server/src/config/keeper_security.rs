//! The keys of `zoo.cfg` about TLS for clients and about who they are.

use super::jaas::{Jaas, LoginModule};
use super::keeper_config::{read_file, resolve};
use super::tls::take_tls;
use super::{Note, Properties};
use keeper::{Passwords, Security};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use transport::tls::{ClientAuth, Settings};
use zookeeper_wire::PasswordHash;

/// TLS for clients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecureClients {
    /// `secureClientPort` on `secureClientPortAddress`: TLS only.
    pub address: Option<SocketAddr>,
    /// `client.portUnification`: whether `clientPort` takes TLS too.
    pub unified: bool,
    /// `ssl.*`.
    pub settings: Settings,
    /// `client.certReload`: whether new certificates are taken without a restart.
    pub reload: bool,
    /// `netty.server.outstandingHandshake.limit`: handshakes at once, if limited.
    pub handshakes_max: Option<usize>,
}

/// TLS between members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecureMembers {
    /// `sslQuorum`: whether other members are dialled with TLS.
    pub dials: bool,
    /// `portUnification`: whether members without TLS are let in too.
    pub unified: bool,
    /// `ssl.quorum.*`.
    pub tls: Settings,
    /// `ssl.quorum.clientHostnameVerification`: whether the certificate of a member that dials us must be for its
    /// address or name.
    pub checks_names: bool,
    /// `sslQuorumReloadCertFiles`: whether new certificates are taken without a restart.
    pub reload: bool,
}

/// Takes the keys of TLS between members. `None` if no port uses it.
pub(super) fn take_secure_members(file: &mut Properties, notes: &mut Vec<Note>) -> Option<SecureMembers> {
    let dials = file.take_switch("sslQuorum").unwrap_or(false);
    let unified = file.take_switch("portUnification").unwrap_or(false);
    let checks_names = file.take_switch("ssl.quorum.clientHostnameVerification").unwrap_or(true);
    let reload = file.take_switch("sslQuorumReloadCertFiles").unwrap_or(false);
    let tls = take_tls(file, "ssl.quorum.", notes);
    if !dials && !unified {
        if tls != Settings::default() {
            let why =
                "without sslQuorum or portUnification no connection between members uses TLS".to_owned();
            notes.push(Note::Adjusted { key: "ssl.quorum.*".to_owned(), why });
        }
        return None;
    }
    for (store, what) in [(&tls.key, "keyStore"), (&tls.trust, "trustStore")] {
        if store.is_none() {
            file.refuse(
                &format!("ssl.quorum.{what}.location"),
                "it is missing, and members know each other by their certificates; name a PEM, PKCS12 or JKS file",
            );
        }
    }
    // As in the original, the one key switches both off.
    let checks_names = checks_names && tls.check_host && tls.client_auth != ClientAuth::None;
    Some(SecureMembers { dials, unified, tls, checks_names, reload })
}

/// SASL between members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberUsers {
    /// `quorum.auth.serverRequireSasl`: whether members that dial us must prove who they are.
    pub demands: bool,
    /// `quorum.auth.learnerRequireSasl`: whether we prove who we are to members that we dial.
    pub proves: bool,
    /// Users that may dial us, with their passwords.
    pub known: Passwords,
    /// Who we are, and our password.
    pub own: (String, String),
}

/// Takes the keys of SASL between members. `None` if it is off.
pub(super) fn take_member_users(file: &mut Properties) -> Option<MemberUsers> {
    let is_on = file.take_switch("quorum.auth.enableSasl").unwrap_or(false);
    let demands = file.take_switch("quorum.auth.serverRequireSasl").unwrap_or(false);
    let proves = file.take_switch("quorum.auth.learnerRequireSasl").unwrap_or(false);
    let mut section = |key: &str, default: &str| file.take_text(key).unwrap_or_else(|| default.to_owned());
    let of_server = section("quorum.auth.server.saslLoginContext", "QuorumServer");
    let of_learner = section("quorum.auth.learner.saslLoginContext", "QuorumLearner");
    for (key, is_set, needs, is_there) in [
        ("quorum.auth.learnerRequireSasl", proves, "quorum.auth.enableSasl", is_on),
        ("quorum.auth.serverRequireSasl", demands, "quorum.auth.learnerRequireSasl", proves),
    ] {
        if is_set && !is_there {
            file.refuse(key, format!("it is true, and {needs} is not; set that too"));
        }
    }
    if !is_on {
        return None;
    }
    let Some(path) = file.peek(JAAS_KEY).map(str::to_owned) else {
        let why = format!(
            "it is missing, and quorum.auth.enableSasl needs it; name a file with the sections {of_server} and {of_learner}"
        );
        file.refuse(JAAS_KEY, why);
        return None;
    };
    // What is wrong with the whole of it is told by those who read the users of clients.
    let text = String::from_utf8_lossy(&read_file(Path::new(&path)).ok()?).into_owned();
    let jaas = Jaas::parse(&text).ok()?;
    let known = digest_modules(file, &jaas, &path, &of_server)?;
    let known = Passwords(known.iter().flat_map(|module| module.users()).collect());
    let own = digest_modules(file, &jaas, &path, &of_learner)?.iter().find_map(|module| {
        Some((module.options.get("username")?.clone(), module.options.get("password")?.clone()))
    });
    let Some(own) = own else {
        let why = format!("{path}: the section {of_learner} needs username=\"NAME\" password=\"PASSWORD\"");
        file.refuse(JAAS_KEY, why);
        return None;
    };
    Some(MemberUsers { demands, proves, known, own })
}

/// The modules of a section that must be there, and have passwords in it.
fn digest_modules<'a>(
    file: &mut Properties,
    jaas: &'a Jaas,
    path: &str,
    section: &str,
) -> Option<&'a [LoginModule]> {
    let Some(modules) = jaas.section(section) else {
        file.refuse(JAAS_KEY, format!("{path}: the section {section} is missing"));
        return None;
    };
    if let Some(module) = modules.iter().find(|module| !module.class.ends_with("DigestLoginModule")) {
        file.refuse(
            JAAS_KEY,
            format!(
                "{path}: the section {section} wants {}, which is not there; only \
                 org.apache.zookeeper.server.auth.DigestLoginModule is",
                module.class
            ),
        );
        return None;
    }
    Some(modules)
}

/// Takes the keys of TLS. `None` if no port uses it.
pub(super) fn take_secure_clients(
    file: &mut Properties,
    plain: IpAddr,
    notes: &mut Vec<Note>,
) -> Option<SecureClients> {
    let port = file.take_number("secureClientPort", (0, 65_535));
    let host = file.take_text("secureClientPortAddress");
    let unified = file.take_switch("client.portUnification").unwrap_or(false);
    let ip = match host {
        Some(host) => resolve(&host).unwrap_or_else(|why| {
            file.refuse("secureClientPortAddress", why);
            plain
        }),
        // As in the original: all addresses, wherever the plain port listens.
        None => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let settings = take_tls(file, "ssl.", notes);
    let reload = file.take_switch("client.certReload").unwrap_or(false);
    // Written down, -1 is no limit, as in the original; not written down it is our own default.
    let handshakes = file.take_number("netty.server.outstandingHandshake.limit", (-1, i64::from(i32::MAX)));
    let provider = file.take_text("ssl.authProvider").unwrap_or_else(|| "x509".to_owned());
    if port.is_none() && !unified {
        if settings != Settings::default() {
            let why = "without secureClientPort or client.portUnification no connection uses TLS".to_owned();
            notes.push(Note::Adjusted { key: "ssl.*".to_owned(), why });
        }
        return None;
    }
    if settings.key.is_none() {
        file.refuse(
            "ssl.keyStore.location",
            "it is missing, and TLS needs a certificate; name a PEM, PKCS12 or JKS file with a key and its certificate",
        );
    }
    if provider != "x509" {
        file.refuse(
            "ssl.authProvider",
            "only x509 is there; other classes are Java code, which cannot be loaded",
        );
    }
    Some(SecureClients {
        address: port.map(|port| SocketAddr::new(ip, port as u16)),
        unified,
        settings,
        reload,
        handshakes_max: handshakes.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    })
}

/// Takes the keys about identities. `tls` says whether clients can have certificates.
pub(super) fn take_security(file: &mut Properties, tls: bool) -> Security {
    let mut security = Security::default();
    security.schemes.x509 = tls;
    take_providers(file, &mut security);
    if let Some(name) = file.take_text("DigestAuthenticationProvider.digestAlg") {
        match PasswordHash::parse(&name) {
            Some(hash) => security.password_hash = hash,
            None => file.refuse(
                "DigestAuthenticationProvider.digestAlg",
                format!("{name:?} is not there; there are SHA1, SHA-256, SHA-384 and SHA-512"),
            ),
        }
    }
    security.x509_super_user = file.take_text("X509AuthenticationProvider.superUser");
    if let Some(kind) = file.take_text("X509AuthenticationProvider.clientCertIdType")
        && !kind.eq_ignore_ascii_case("subject")
    {
        file.refuse(
            "X509AuthenticationProvider.clientCertIdType",
            "clients are known by the subject of their certificate only; alternative names are not there yet",
        );
    }
    if let Some(user) = file.take_text("letAnySaslUserDoX") {
        file.refuse(
            "letAnySaslUserDoX",
            format!("it is not there; give {user:?} what it may do in the lists"),
        );
    }
    security.super_users = take_all(file, "superUser").into_iter().collect();
    security.allow_sasl_failed = file.take_switch("allowSaslFailedClients").unwrap_or(false);
    take_users(file, &mut security);
    take_enforced(file, &mut security);
    security
}

/// `authProvider.N` names classes: those that are known stand for a scheme.
fn take_providers(file: &mut Properties, security: &mut Security) {
    let keys: Vec<String> =
        file.rest().keys().filter(|key| key.starts_with("authProvider.")).cloned().collect();
    for key in keys {
        let class = file.take_text(&key).unwrap_or_default();
        let name = class.strip_prefix("org.apache.zookeeper.server.auth.").unwrap_or(&class);
        match name {
            "SASLAuthenticationProvider" => security.schemes.sasl = true,
            "X509AuthenticationProvider" => security.schemes.x509 = true,
            // These two are always there.
            "DigestAuthenticationProvider" | "IPAuthenticationProvider" => {}
            _ => file.refuse(
                &key,
                format!(
                    "{class} is Java code, which cannot be loaded; the classes SASLAuthenticationProvider, \
                     X509AuthenticationProvider, DigestAuthenticationProvider and IPAuthenticationProvider of \
                     org.apache.zookeeper.server.auth are known"
                ),
            ),
        }
    }
}

/// The values of `key` and `key.SUFFIX`.
fn take_all(file: &mut Properties, key: &str) -> Vec<String> {
    let dotted = format!("{key}.");
    let keys: Vec<String> =
        file.rest().keys().filter(|it| *it == key || it.starts_with(&dotted)).cloned().collect();
    keys.iter().filter_map(|key| file.take_text(key)).collect()
}

/// The users of SASL, from the section `Server` of the JAAS file. As in the original, a file without that
/// section means that nobody can use SASL.
fn take_users(file: &mut Properties, security: &mut Security) {
    let super_password = file.take_text("SASLAuthenticationProvider.superPassword");
    let section = file.take_text("sasl.serverconfig").unwrap_or_else(|| "Server".to_owned());
    let Some(path) = file.take_text(JAAS_KEY) else { return };
    let text = match read_file(Path::new(&path)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(refusal) => return file.refuse(JAAS_KEY, refusal.to_string()),
    };
    let jaas = match Jaas::parse(&text) {
        Ok(jaas) => jaas,
        Err(why) => return file.refuse(JAAS_KEY, format!("{path}: {why}")),
    };
    let Some(modules) = jaas.section(&section) else { return };
    let mut users = Passwords::default();
    for module in modules {
        if !module.class.ends_with("DigestLoginModule") {
            let kerberos = module.class.ends_with("Krb5LoginModule");
            let what = if kerberos { "Kerberos (GSSAPI)" } else { module.class.as_str() };
            file.refuse(
                JAAS_KEY,
                format!(
                    "{path}: the section {section} wants {what}, which is not there; only \
                     org.apache.zookeeper.server.auth.DigestLoginModule is, with users as user_NAME=\"password\""
                ),
            );
        }
        users.0.extend(module.users());
    }
    if let Some(password) = super_password {
        users.0.insert("super".to_owned(), password);
    }
    security.sasl_users = Some(users);
}

/// The system property of Java that names the JAAS file.
pub(super) const JAAS_KEY: &str = "java.security.auth.login.config";

fn take_enforced(file: &mut Properties, security: &mut Security) {
    let schemes = file.take_text("enforce.auth.schemes").unwrap_or_default();
    let enforced = file.take_switch("enforce.auth.enabled").unwrap_or(false);
    if file.take_switch("sessionRequireClientSASLAuth").unwrap_or(false) {
        security.enforced_schemes = BTreeSet::from(["sasl".to_owned()]);
    } else if enforced {
        security.enforced_schemes =
            schemes.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        if security.enforced_schemes.is_empty() {
            file.refuse(
                "enforce.auth.schemes",
                "it must name schemes, such as sasl, when enforce.auth.enabled=true",
            );
        }
    }
    let unknown = |scheme: &String| match scheme.as_str() {
        "digest" | "ip" => false,
        "sasl" => !security.schemes.sasl,
        "x509" => !security.schemes.x509,
        _ => true,
    };
    for scheme in security.enforced_schemes.clone().iter().filter(|scheme| unknown(scheme)) {
        file.refuse(
            "enforce.auth.schemes",
            format!(
                "{scheme} is not there; for sasl set \
                 authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider, for x509 secureClientPort"
            ),
        );
    }
}
