//! Access control: lists kept once each, identities, and the question whether an identity may.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use zookeeper_wire::{Acl, ErrorCode, Permissions};

use crate::arena::{Arena, Slab};
use crate::hash::HashKey;

/// A list, shared by all znodes that have it.
pub type AclList = Arc<[Acl]>;

/// The schemes, besides `world`, `auth` and `ip`, that an administrator has switched on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schemes {
    /// `digest`: user and password.
    pub digest: bool,
    /// `x509`: the subject of a TLS client's certificate.
    pub x509: bool,
    /// `sasl`: the name by which a SASL mechanism knows the client.
    pub sasl: bool,
}

impl Default for Schemes {
    /// The original's defaults.
    fn default() -> Self {
        Schemes { digest: true, x509: false, sasl: false }
    }
}

/// Who a connection is, in one scheme.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// `ip`, `digest`, `x509`, `sasl` or `super`.
    pub scheme: Cow<'static, str>,
    /// The name there.
    pub id: Cow<'static, str>,
}

impl Identity {
    /// `id` in `scheme`.
    pub fn new(scheme: impl Into<Cow<'static, str>>, id: impl Into<Cow<'static, str>>) -> Self {
        Identity { scheme: scheme.into(), id: id.into() }
    }
}

/// True if one of `identities` has one of `permissions` by `list`.
pub fn permits(list: &[Acl], permissions: Permissions, identities: &[Identity]) -> bool {
    // Almost every list there is: everything for everybody.
    if list.is_empty() || list.iter().any(|acl| is_world(acl) && acl.permissions.intersects(permissions)) {
        return true;
    }
    if identities.iter().any(|identity| identity.scheme == "super") {
        return true;
    }
    list.iter().filter(|acl| acl.permissions.intersects(permissions)).any(|acl| {
        identities.iter().any(|identity| identity.scheme == acl.scheme && matches(&identity.id, acl))
    })
}

/// The list as it is stored: duplicates gone, `auth` replaced by the identities of the requester.
pub fn resolve(list: Vec<Acl>, identities: &[Identity], schemes: Schemes) -> Result<Vec<Acl>, ErrorCode> {
    if list.len() == 1 && is_world(&list[0]) {
        return Ok(list);
    }
    let mut resolved: Vec<Acl> = Vec::with_capacity(list.len());
    let mut seen: Vec<&Acl> = Vec::with_capacity(list.len());
    for acl in &list {
        if seen.contains(&acl) {
            continue;
        }
        seen.push(acl);
        match &*acl.scheme {
            "world" if acl.id == "anyone" => resolved.push(acl.clone()),
            "auth" => {
                let before = resolved.len();
                resolved.extend(
                    identities.iter().filter(|identity| is_authenticated(&identity.scheme, schemes)).map(
                        |identity| Acl::new(acl.permissions, identity.scheme.clone(), identity.id.clone()),
                    ),
                );
                if resolved.len() == before {
                    return Err(ErrorCode::INVALID_ACL);
                }
            }
            _ if is_valid_id(acl, schemes) => resolved.push(acl.clone()),
            _ => return Err(ErrorCode::INVALID_ACL),
        }
    }
    if resolved.is_empty() { Err(ErrorCode::INVALID_ACL) } else { Ok(resolved) }
}

/// The list with the hashes of passwords made unreadable, for those who may not change it.
pub fn masked(list: &[Acl]) -> Vec<Acl> {
    let mask = |acl: &Acl| match (&*acl.scheme, acl.id.split_once(':')) {
        ("digest", Some((user, _))) => Acl::new(acl.permissions, "digest", format!("{user}:x")),
        _ => acl.clone(),
    };
    list.iter().map(mask).collect()
}

fn is_world(acl: &Acl) -> bool {
    acl.scheme == "world" && acl.id == "anyone"
}

/// Schemes whose identities were proved, so that `auth` may stand for them. An address is no proof.
fn is_authenticated(scheme: &str, schemes: Schemes) -> bool {
    match scheme {
        "digest" => schemes.digest,
        "x509" => schemes.x509,
        "sasl" => schemes.sasl,
        _ => false,
    }
}

fn is_valid_id(acl: &Acl, schemes: Schemes) -> bool {
    match &*acl.scheme {
        // Colons at the end do not count, since Java's `split` drops empty parts there.
        "digest" if schemes.digest => acl.id.trim_end_matches(':').split(':').count() == 2,
        "ip" => Network::parse(&acl.id).is_some(),
        "x509" if schemes.x509 => is_subject(&acl.id),
        "sasl" if schemes.sasl => is_principal(&acl.id),
        // As in the original, a scheme is unknown until somebody can be identified by it.
        _ => false,
    }
}

/// Whether it has the shape of a subject's name: `attribute=value` with commas between (RFC 2253).
fn is_subject(id: &str) -> bool {
    let mut escaped = false;
    let mut quoted = false;
    let separator = |char: char| {
        let counts = !escaped && !quoted;
        quoted ^= char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        counts && matches!(char, ',' | ';' | '+')
    };
    let has_both = |part: &str| part.split_once('=').is_some_and(|(key, _)| !key.trim().is_empty());
    id.is_empty() || id.split(separator).all(has_both)
}

/// Whether it is a name, or one of Kerberos: `name[/host]@realm`.
fn is_principal(id: &str) -> bool {
    match id.split_once('@') {
        None => true,
        Some((name, realm)) => !realm.contains(['@', '/']) && name.matches('/').count() <= 1,
    }
}

fn matches(id: &str, acl: &Acl) -> bool {
    match &*acl.scheme {
        "ip" => match (Network::parse(&acl.id), id.parse::<IpAddr>()) {
            (Some(network), Ok(address)) => network.contains(address),
            _ => false,
        },
        "digest" | "x509" => acl.id == id,
        // As in the original, whoever has proved to be `super` is everybody.
        "sasl" => acl.id == id || id == "super",
        _ => false,
    }
}

/// An address with the number of its bits that count.
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok().or_else(|| padded(address).map(IpAddr::V4))?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Network { address, bits })
    }

    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differ = u32::from(a) ^ u32::from(b);
                self.bits == 0 || differ >> (32 - self.bits) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differ = u128::from(a) ^ u128::from(b);
                self.bits == 0 || differ >> (128 - self.bits) == 0
            }
            _ => false,
        }
    }
}

/// An IPv4 address with zeros in front of its numbers, which Java reads as decimal all the same.
fn padded(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.');
    let mut octets = [0; 4];
    for octet in &mut octets {
        let part = parts.next()?;
        *octet = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// Which list a znode has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct AclId(pub(crate) u32);

impl AclId {
    /// Everything for everybody: never counted, never in a snapshot's table.
    pub(crate) const OPEN: AclId = AclId(0);
}

/// One list with the number of znodes that have it.
#[derive(Clone, Debug)]
pub(crate) struct AclSlot {
    pub(crate) list: AclList,
    pub(crate) znodes: u32,
}

impl Default for AclSlot {
    fn default() -> Self {
        AclSlot { list: Arc::new([]), znodes: 0 }
    }
}

/// All lists of a tree.
#[derive(Debug)]
pub(crate) struct AclTable {
    slots: Slab<AclSlot>,
    ids: HashMap<AclList, u32, HashKey>,
    open: AclList,
}

impl AclTable {
    pub(crate) fn new(key: HashKey) -> Self {
        let mut slots = Slab::new();
        let open: AclList = Acl::open().into();
        let id = slots.insert(AclSlot { list: open.clone(), znodes: 0 });
        assert_eq!(id, AclId::OPEN.0);
        AclTable { slots, ids: HashMap::with_hasher(key), open }
    }

    /// The id of `list`, one znode more; the caller gives it back with [`AclTable::release`].
    pub(crate) fn acquire(&mut self, list: &[Acl]) -> AclId {
        if *list == *self.open {
            return AclId::OPEN;
        }
        if let Some(&id) = self.ids.get(list) {
            self.slots.get_mut(id).znodes += 1;
            return AclId(id);
        }
        let list: AclList = list.into();
        let id = self.slots.insert(AclSlot { list: list.clone(), znodes: 1 });
        self.ids.insert(list, id);
        AclId(id)
    }

    /// One znode fewer; the last one takes the list with it.
    pub(crate) fn release(&mut self, id: AclId) {
        if id == AclId::OPEN {
            return;
        }
        let slot = self.slots.get_mut(id.0);
        slot.znodes -= 1;
        if slot.znodes == 0 {
            let slot = self.slots.remove(id.0);
            self.ids.remove(&slot.list);
        }
    }

    pub(crate) fn list(&self, id: AclId) -> &AclList {
        &self.slots.get(id.0).list
    }

    /// `list` in shared form, without counting anything.
    pub(crate) fn share(&self, list: &[Acl]) -> AclList {
        if *list == *self.open {
            return self.open.clone();
        }
        match self.ids.get_key_value(list) {
            Some((shared, _)) => shared.clone(),
            None => list.into(),
        }
    }

    pub(crate) fn pin(&self) -> Arena<AclSlot> {
        self.slots.pin()
    }

    /// Distinct lists in use, the open one not counted.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}

#[cfg(test)]
mod tests;
