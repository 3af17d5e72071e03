//! create, create2, createContainer, createTTL.
//!
//! Order of the checks: mode and time to live, session, slash and NUL, list, parent, CREATE on the parent,
//! the whole path (with its digits), existence, ephemeral parent, quota.

use bytes::Bytes;
use zookeeper_wire::txn::{CreateContainerTxn, CreateTtlTxn, CreateTxn};
use zookeeper_wire::{Acl, CreateRequest, CreateTtlRequest, ErrorCode, Permissions, StoredStat};

use super::outstanding::Pending;
use super::{Desk, parent_of, validate};
use crate::acl;
use crate::owner::{ExtendedTypes, Owner, is_valid_ttl};

/// What the operation makes, flags aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Plain,
    Container,
    TimeToLive(i64),
}

/// What the flags say.
struct Mode {
    ephemeral: bool,
    sequential: bool,
}

struct Created {
    path: String,
    data: Option<Bytes>,
    acl: Vec<Acl>,
    parent_cversion: i32,
    ephemeral: bool,
}

impl Desk<'_> {
    pub(super) fn create(&mut self, kind: Kind, request: CreateRequest) -> Result<CreateTxn, ErrorCode> {
        let created = self.create_any(kind, request)?;
        let Created { path, data, acl, parent_cversion, ephemeral } = created;
        Ok(CreateTxn { path, data, acl, ephemeral, parent_cversion })
    }

    pub(super) fn create_container(
        &mut self,
        request: CreateRequest,
    ) -> Result<CreateContainerTxn, ErrorCode> {
        let Created { path, data, acl, parent_cversion, .. } = self.create_any(Kind::Container, request)?;
        Ok(CreateContainerTxn { path, data, acl, parent_cversion })
    }

    pub(super) fn create_ttl(&mut self, request: CreateTtlRequest) -> Result<CreateTtlTxn, ErrorCode> {
        let CreateTtlRequest { path, data, acl, flags, ttl_ms } = request;
        let request = CreateRequest { path, data, acl, flags };
        let Created { path, data, acl, parent_cversion, .. } =
            self.create_any(Kind::TimeToLive(ttl_ms), request)?;
        Ok(CreateTtlTxn { path, data, acl, parent_cversion, ttl_ms })
    }

    fn create_any(&mut self, kind: Kind, request: CreateRequest) -> Result<Created, ErrorCode> {
        let mode = self.mode(kind, request.flags)?;
        if mode.ephemeral {
            self.asked.ephemerals?;
        }
        let CreateRequest { mut path, data, acl, .. } = request;
        let parent_length = parent_of(&path)?.len();
        let acl = acl::resolve(acl, self.asked.identities, self.rules.schemes)?;
        let mut parent = self.node(&path[..parent_length])?;
        self.permit(&parent.acl, Permissions::CREATE)?;
        let cversion = parent.stat.child_version;
        if mode.sequential {
            append_sequence(&mut path, cversion);
        }
        validate(&path)?;
        if self.node(&path).is_ok() {
            return Err(ErrorCode::NODE_EXISTS);
        }
        let extended = self.tree.extended_types();
        if matches!(Owner::from_stored(parent.stat.ephemeral_owner, extended), Owner::Session(_)) {
            return Err(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
        }
        self.check_quota(&path, 1, data.as_ref().map_or(0, Bytes::len) as i64)?;

        let parent_cversion = cversion.wrapping_add(1);
        parent.children += 1;
        parent.stat.child_version = parent_cversion;
        parent.stat.pzxid = self.asked.zxid;
        let owner = match kind {
            Kind::Container => Owner::Container,
            Kind::TimeToLive(ms) => Owner::TimeToLive(ms),
            Kind::Plain if mode.ephemeral => Owner::Session(self.asked.session),
            Kind::Plain => Owner::Nobody,
        };
        let stat = StoredStat {
            czxid: self.asked.zxid,
            mzxid: self.asked.zxid,
            pzxid: self.asked.zxid,
            ctime: self.asked.time_ms,
            mtime: self.asked.time_ms,
            ephemeral_owner: owner.to_stored(),
            ..StoredStat::default()
        };
        let node = Pending::new(&path, data.as_deref(), self.tree.acls.share(&acl), stat);
        self.change(&path[..parent_length], parent);
        self.change(&path, node);
        Ok(Created { path, data, acl, parent_cversion, ephemeral: mode.ephemeral })
    }

    fn mode(&self, kind: Kind, flags: i32) -> Result<Mode, ErrorCode> {
        if !(0..=6).contains(&flags) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let timed = matches!(flags, 5 | 6);
        if timed && self.tree.extended_types() == ExtendedTypes::Off {
            return Err(ErrorCode::UNIMPLEMENTED);
        }
        let valid = match kind {
            Kind::TimeToLive(ms) => timed && is_valid_ttl(ms),
            Kind::Plain | Kind::Container => !timed,
        };
        if !valid {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let ephemeral = kind == Kind::Plain && matches!(flags, 1 | 3);
        Ok(Mode { ephemeral, sequential: matches!(flags, 2 | 3 | 6) })
    }
}

/// Ten digits, or the sign and ten digits after an overflow.
fn append_sequence(path: &mut String, cversion: i32) {
    use std::fmt::Write;
    write!(path, "{cversion:010}").expect("a string takes everything");
}
