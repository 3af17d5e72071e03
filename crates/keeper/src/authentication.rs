//! Auth packets: a connection shows who it is. They are answered at once, before anything that waits.

use zookeeper_wire::jute::Reader;
use zookeeper_wire::{AuthPacket, ErrorCode, OpCode, ReplyHeader, Xid, Zxid, digest_id};

use crate::border::{ConnectionId, Effect};
use crate::config::KeeperConfig;
use crate::connection::Connection;
use crate::keeper::Keeper;

impl Keeper {
    /// Adds identities, or refuses and closes. SASL has no mechanism here yet and is refused.
    pub(crate) fn authenticate(
        &mut self,
        id: ConnectionId,
        xid: Xid,
        op: OpCode,
        reader: &mut Reader,
        effects: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let accepted = match (op, reader.record::<AuthPacket>()) {
            (OpCode::AUTH, Ok(packet)) => identify(&self.server.config, connection, &packet),
            (OpCode::AUTH, Err(_)) => return self.close(id, effects),
            _ => false,
        };
        let error = if accepted { ErrorCode::OK } else { ErrorCode::AUTH_FAILED };
        let frame = self.server.frame(|writer| {
            writer.record(&ReplyHeader { xid, zxid: Zxid::ZERO, error });
            if op == OpCode::SASL {
                writer.buffer(None);
            }
        });
        self.server.send(connection, frame, effects);
        if !accepted {
            self.server.statistics.authentication_failures += 1;
            self.close(id, effects);
        }
    }
}

fn identify(config: &KeeperConfig, connection: &mut Connection, packet: &AuthPacket) -> bool {
    match &*packet.scheme {
        "digest" if config.digest_scheme => {
            let Some(credential) = &packet.auth else { return false };
            let digest = digest_id(&String::from_utf8_lossy(credential));
            if config.super_digest.as_ref() == Some(&digest) && !connection.identify("super", "") {
                return false;
            }
            connection.identify("digest", digest)
        }
        // The address was taken when it connected.
        "ip" => true,
        _ => false,
    }
}
