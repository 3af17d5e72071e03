//! whoAmI: the identities of the connection, without what should not be seen of them.

use std::borrow::Cow;

use zookeeper_wire::{ClientInfo, ErrorCode};

use super::Read;

impl Read<'_> {
    pub(super) fn who_am_i(&mut self) -> Result<(), ErrorCode> {
        let shown = |identity: &znode::Identity| {
            let user = match &*identity.scheme {
                "digest" => Cow::Owned(identity.id.split(':').next().unwrap_or_default().to_owned()),
                _ => identity.id.clone(),
            };
            ClientInfo { scheme: identity.scheme.clone(), user }
        };
        let infos: Vec<ClientInfo> = self.identities.iter().map(shown).collect();
        self.writer.record(&infos);
        Ok(())
    }
}
