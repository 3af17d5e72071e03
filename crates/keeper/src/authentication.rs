//! How a connection shows who it is: by a TLS certificate, by auth packets, by SASL. All are answered at
//! once, before anything that waits. Source: `X509AuthenticationProvider`,
//! `DigestAuthenticationProvider`, `ZooKeeperServer.processSasl`, `AuthenticationHelper`.

use sasl::{DigestMd5Server, Step};
use zookeeper_wire::jute::Reader;
use zookeeper_wire::{AuthPacket, ErrorCode, OpCode, ReplyHeader, SaslToken, Xid, Zxid};

use crate::border::{ConnectionId, Effect};
use crate::config::KeeperConfig;
use crate::connection::Connection;
use crate::keeper::Keeper;

/// Names that the original's clients know: Java's `Sasl` calls them protocol and server name.
const SASL_SERVICE: &str = "zookeeper";
const SASL_REALM: &str = "zk-sasl-md5";

impl Keeper {
    /// The connection's TLS handshake is done, with a certificate of this subject.
    pub(crate) fn secured(&mut self, id: ConnectionId, subject: Option<String>) {
        let security = &self.server.config.security;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(subject) = subject.filter(|_| security.schemes.x509) else { return };
        if security.x509_super_user.as_ref() == Some(&subject) {
            connection.identify("super", subject.clone());
        }
        connection.identify("x509", subject);
    }

    /// Adds identities, or refuses and closes.
    pub(crate) fn authenticate(
        &mut self,
        id: ConnectionId,
        xid: Xid,
        op: OpCode,
        reader: &mut Reader,
        effects: &mut Vec<Effect>,
    ) {
        if op == OpCode::SASL {
            return self.negotiate(id, xid, reader, effects);
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Ok(packet) = reader.record::<AuthPacket>() else { return self.close(id, effects) };
        let accepted = identify(&self.server.config, connection, &packet);
        let error = if accepted { ErrorCode::OK } else { ErrorCode::AUTH_FAILED };
        let frame = self.server.frame(|writer| writer.record(&ReplyHeader { xid, zxid: Zxid::ZERO, error }));
        self.server.send(connection, frame, effects);
        if !accepted {
            self.server.statistics.authentication_failures += 1;
            let why = format!("it cannot be identified by the scheme {:?}", packet.scheme);
            effects.push(Effect::Complain { connection: id, why });
            self.close(id, effects);
        }
    }

    /// The next message of a SASL exchange.
    fn negotiate(&mut self, id: ConnectionId, xid: Xid, reader: &mut Reader, effects: &mut Vec<Effect>) {
        let Ok(SaslToken { token }) = reader.record() else { return self.close(id, effects) };
        let time_ms = self.server.now.wall.as_ms();
        let secret = self.secret;
        let security = &self.server.config.security;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let step = match &security.sasl_users {
            // As in the original: SASL was not configured, so it says nothing.
            None => Ok(None),
            Some(users) => {
                let begin =
                    || DigestMd5Server::new(SASL_SERVICE, SASL_REALM, sasl::nonce(secret, id.0, time_ms));
                let exchange = connection.sasl.get_or_insert_with(|| Box::new(begin()));
                exchange.step(&token.unwrap_or_default(), |user| users.0.get(user).cloned()).map(Some)
            }
        };
        let (error, token, why) = match step {
            Ok(None) => (ErrorCode::OK, None, None),
            Ok(Some(Step::Challenge(challenge))) => (ErrorCode::OK, Some(challenge), None),
            Ok(Some(Step::Verified(verified))) => {
                if security.super_users.contains(&verified.name) {
                    connection.identify("super", "");
                }
                connection.identify("sasl", verified.name);
                (ErrorCode::OK, Some(verified.token), None)
            }
            Err(refused) => {
                let stays = security.allow_sasl_failed && !security.requires_sasl();
                let error = match (stays, security.requires_sasl()) {
                    (true, _) => ErrorCode::OK,
                    (false, true) => ErrorCode::SESSION_CLOSED_REQUIRE_SASL_AUTH,
                    (false, false) => ErrorCode::AUTH_FAILED,
                };
                (error, None, Some(format!("it cannot log in by SASL: {refused}")))
            }
        };
        let frame = self.server.frame(|writer| {
            writer.record(&ReplyHeader { xid, zxid: Zxid::ZERO, error });
            writer.record(&SaslToken { token: token.map(Into::into) });
        });
        self.server.send(connection, frame, effects);
        if let Some(why) = why {
            self.server.statistics.authentication_failures += 1;
            effects.push(Effect::Complain { connection: id, why });
        }
        if error != ErrorCode::OK {
            self.close(id, effects);
        }
    }

    /// Whether the connection has shown to be whom the administrator wants; if not, it is told and closed.
    pub(crate) fn admit(&mut self, id: ConnectionId, xid: Xid, effects: &mut Vec<Effect>) -> bool {
        let enforced = &self.server.config.security.enforced_schemes;
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        if enforced.is_empty() || connection.identities.iter().any(|it| enforced.contains(&*it.scheme)) {
            return true;
        }
        let schemes: Vec<&str> = enforced.iter().map(String::as_str).collect();
        let why = format!("it is not authenticated by {}", schemes.join(" or "));
        effects.push(Effect::Complain { connection: id, why });
        let error = ErrorCode::SESSION_CLOSED_REQUIRE_SASL_AUTH;
        let frame = self.server.frame(|writer| writer.record(&ReplyHeader { xid, zxid: Zxid::ZERO, error }));
        self.server.send(connection, frame, effects);
        self.close(id, effects);
        false
    }
}

fn identify(config: &KeeperConfig, connection: &mut Connection, packet: &AuthPacket) -> bool {
    match &*packet.scheme {
        "digest" if config.digest_scheme => {
            let Some(credential) = &packet.auth else { return false };
            let digest = config.security.password_hash.digest_id(&String::from_utf8_lossy(credential));
            if config.super_digest.as_ref() == Some(&digest) && !connection.identify("super", "") {
                return false;
            }
            connection.identify("digest", digest)
        }
        // The address was taken when it connected.
        "ip" => true,
        // The certificate was taken in the handshake.
        "x509" => connection.identities.iter().any(|it| it.scheme == "x509"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
