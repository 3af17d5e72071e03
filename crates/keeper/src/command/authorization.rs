//! Who may take a snapshot or put one in place: whoever has every permission on the root znode. The
//! credentials are those of an auth packet, in the header `Authorization: scheme credentials`.

use std::net::IpAddr;

use znode::{Identity, NodeId, permits};
use zookeeper_wire::{Permissions, digest_id};

use super::Answer;
use crate::keeper::Keeper;

impl Keeper {
    /// Refuses `command` to whoever may not; the statuses and texts are the original's.
    pub fn authorize(&self, command: &str, authorization: Option<&str>, from: IpAddr) -> Result<(), Answer> {
        let Some(authorization) = authorization else {
            return Err(Answer::refused(command, 401, Some("Auth info is missing for the command")));
        };
        let Some(identities) = self.identities(authorization, from) else {
            return Err(Answer::refused(command, 401, Some("Not authenticated")));
        };
        let acl = self.server.database.tree().acl(NodeId::ROOT);
        let all = (0..5).map(|bit| Permissions(1 << bit));
        let mut missing = all.filter(|permission| !permits(acl, *permission, &identities));
        if self.server.config.skip_acl || missing.next().is_none() {
            Ok(())
        } else {
            Err(Answer::refused(command, 403, Some("Not authorized")))
        }
    }

    fn identities(&self, authorization: &str, from: IpAddr) -> Option<Vec<Identity>> {
        let config = &self.server.config;
        let parts: Vec<&str> = authorization.split(' ').collect();
        match parts[..] {
            ["digest", credential] if config.digest_scheme => {
                let digest = digest_id(credential);
                let is_super = config.super_digest.as_ref() == Some(&digest);
                let mut identities = vec![Identity::new("digest", digest)];
                identities.extend(is_super.then(|| Identity::new("super", "")));
                Some(identities)
            }
            ["ip"] | ["ip", _] => Some(vec![Identity::new("ip", from.to_canonical().to_string())]),
            _ => None,
        }
    }
}
