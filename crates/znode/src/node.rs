//! One znode in 64 bytes: what a leaf that was created once and never changed needs. Everything
//! else (children, later changes, owners) is in an [`Extra`], which only some znodes have.

use triomphe::Arc;

use crate::acl::AclId;
use crate::limits::{NAME_BYTES_MAX, PAGE_SLOTS};

/// No znode, no extra.
pub(crate) const NONE: u32 = u32::MAX;

/// A znode's place in its tree, valid until the znode is deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The root is always there.
    pub const ROOT: NodeId = NodeId(0);
}

/// The fixed part of a znode. It never lies across two cache lines.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Node {
    /// The name, then the data: one allocation for both, behind a count of eight bytes (the standard library's
    /// would be of sixteen). None if there is neither.
    payload: Option<Arc<[u8]>>,
    pub(crate) czxid: i64,
    pub(crate) ctime: i64,
    pub(crate) parent: u32,
    /// Siblings are a list without order.
    pub(crate) next: u32,
    pub(crate) previous: u32,
    /// What the path index files it under.
    pub(crate) path_hash: u32,
    /// CRC-32 of the path followed by the data; the digest of the znode continues it with the stat.
    pub(crate) content_crc: u32,
    pub(crate) acl: AclId,
    /// Where the rest is, or `NONE`.
    pub(crate) extra: u32,
    /// Bytes of the name, and two flags above them.
    shape: u32,
}

/// What most znodes do not need to store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    pub(crate) mzxid: i64,
    pub(crate) mtime: i64,
    pub(crate) pzxid: i64,
    pub(crate) owner: i64,
    pub(crate) version: i32,
    /// Children ever created.
    pub(crate) cversion: i32,
    pub(crate) aversion: i32,
    pub(crate) first_child: u32,
    pub(crate) children: u32,
    /// What the znode adds to the digest as things stand.
    pub(crate) digest: u32,
}

impl Default for Extra {
    fn default() -> Self {
        Extra {
            mzxid: 0,
            mtime: 0,
            pzxid: 0,
            owner: 0,
            version: 0,
            cversion: 0,
            aversion: 0,
            first_child: NONE,
            children: 0,
            digest: 0,
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Node {
            payload: None,
            czxid: 0,
            ctime: 0,
            parent: NONE,
            next: NONE,
            previous: NONE,
            path_hash: 0,
            content_crc: 0,
            acl: AclId::OPEN,
            extra: NONE,
            shape: 0,
        }
    }
}

impl Node {
    /// `scratch` is room to put name and data together.
    pub(crate) fn new(name: &str, data: Option<&[u8]>, scratch: &mut Vec<u8>) -> Node {
        assert!(name.len() <= NAME_BYTES_MAX, "a name comes out of a frame");
        let mut node = Node { shape: name.len() as u32, ..Node::default() };
        node.fill(name.as_bytes(), data, scratch);
        node
    }

    /// The last component of the path, as UTF-8.
    pub(crate) fn name(&self) -> &[u8] {
        &self.payload()[..self.name_length()]
    }

    /// The data; `None` if it was created with null.
    pub(crate) fn data(&self) -> Option<&[u8]> {
        if self.shape & NULL_DATA != 0 { None } else { Some(&self.payload()[self.name_length()..]) }
    }

    pub(crate) fn data_length(&self) -> usize {
        self.payload().len() - self.name_length()
    }

    pub(crate) fn set_data(&mut self, data: Option<&[u8]>, scratch: &mut Vec<u8>) {
        let payload = self.payload.take();
        let name = &payload.as_deref().unwrap_or_default()[..self.name_length()];
        self.fill(name, data, scratch);
    }

    /// Outside of the digest: everything below `/zookeeper`.
    pub(crate) fn is_undigested(&self) -> bool {
        self.shape & UNDIGESTED != 0
    }

    pub(crate) fn set_undigested(&mut self) {
        self.shape |= UNDIGESTED;
    }

    fn payload(&self) -> &[u8] {
        self.payload.as_deref().unwrap_or_default()
    }

    fn name_length(&self) -> usize {
        (self.shape & !(NULL_DATA | UNDIGESTED)) as usize
    }

    fn fill(&mut self, name: &[u8], data: Option<&[u8]>, scratch: &mut Vec<u8>) {
        self.shape &= !NULL_DATA;
        if data.is_none() {
            self.shape |= NULL_DATA;
        }
        let data = data.unwrap_or_default();
        // Two copies and one allocation are quicker than collecting byte by byte.
        scratch.clear();
        scratch.extend_from_slice(name);
        scratch.extend_from_slice(data);
        self.payload = (!scratch.is_empty()).then(|| Arc::from(&scratch[..]));
        if scratch.capacity() > SCRATCH_BYTES_KEPT {
            *scratch = Vec::new();
        }
    }
}

/// Room that is kept from one znode to the next; large data allocates its own.
const SCRATCH_BYTES_KEPT: usize = 64 * 1024;

const NULL_DATA: u32 = 1 << 31;
const UNDIGESTED: u32 = 1 << 30;

const _: () = assert!(
    size_of::<Node>() * (PAGE_SLOTS + 1) == 4096,
    "a page, its count before it, fills what is allocated"
);
const _: () = assert!(size_of::<Node>() == 64 && size_of::<Extra>() == 56, "the budget of a znode");
const _: () = assert!(NAME_BYTES_MAX < UNDIGESTED as usize);
