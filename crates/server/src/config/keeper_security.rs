//! The keys of `zoo.cfg` about TLS for clients and about who they are.

use super::jaas::Jaas;
use super::keeper_config::{read_file, resolve};
use super::tls::take_tls;
use super::{Note, Properties};
use keeper::{Passwords, Security};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use transport::tls::Settings;
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
        handshakes_max: handshakes.and_then(|limit| usize::try_from(limit).ok()),
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
