//! What an administrator can decide about who may come in, with the original's defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use znode::Schemes;
use zookeeper_wire::PasswordHash;

/// The settings about identities. The comment of each field names the original's key.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Security {
    /// `DigestAuthenticationProvider.digestAlg`.
    pub password_hash: PasswordHash,
    /// `DigestAuthenticationProvider.enabled`, TLS for clients, `authProvider.N` with the class for SASL.
    pub schemes: Schemes,
    /// `X509AuthenticationProvider.superUser`: the subject of the certificate of who may do everything.
    pub x509_super_user: Option<String>,
    /// The users of the section `Server` of the JAAS file; without them no client can use SASL.
    pub sasl_users: Option<Passwords>,
    /// `superUser` and `superUser.N`: names known by SASL of those who may do everything.
    pub super_users: BTreeSet<String>,
    /// `enforce.auth.schemes`, or `sasl` by `sessionRequireClientSASLAuth`: only who has shown to be
    /// somebody in one of them is served. Empty for everybody.
    pub enforced_schemes: BTreeSet<String>,
    /// `allowSaslFailedClients`: who fails to log in stays, as nobody.
    pub allow_sasl_failed: bool,
}

impl Security {
    /// Whether a client must use SASL or go.
    pub(crate) fn requires_sasl(&self) -> bool {
        self.enforced_schemes.contains("sasl")
    }
}

/// Users with their passwords, which no log shows.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Passwords(pub BTreeMap<String, String>);

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
