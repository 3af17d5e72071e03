//! Every bound of this crate, with its unit and its reason.

/// Largest keeper frame by default, in bytes: `jute.maxbuffer` of the original, one less than 1 MiB.
pub const KEEPER_FRAME_BYTES_MAX: u32 = 0xf_ffff;

/// Largest broker request by default, in bytes: `socket.request.max.bytes` of the original.
pub const BROKER_FRAME_BYTES_MAX: u32 = 100 << 20;

/// The read buffer that all connections of a shard share, in bytes. Large enough for hundreds of
/// pipelined small requests in one read, small enough that a frame which is kept pins little.
pub const SCRATCH_BYTES: usize = 64 << 10;

/// A read never starts with less room than this, in bytes; the scratch buffer is renewed instead.
pub const READ_BYTES_MIN: usize = 16 << 10;

/// Frames longer than this, in bytes, are read straight into a buffer of their own, so that record
/// batches are copied once by the kernel and never again.
pub const LARGE_FRAME_BYTES: usize = 32 << 10;

/// First size of a large frame's buffer, in bytes. After that the buffer may be
/// [`LARGE_FRAME_GROWTH`] times what has really arrived: a length alone never costs memory.
pub const LARGE_FRAME_FIRST_BYTES: usize = 128 << 10;

/// How many times its received bytes a large frame's buffer may be.
pub const LARGE_FRAME_GROWTH: usize = 4;

/// Outgoing pieces up to this length, in bytes, are copied together; longer ones are sent from where
/// they lie. Copying 4 KiB costs less than another entry in a vectored write.
pub const COALESCE_BYTES_MAX: usize = 4 << 10;

/// Size of a buffer in which small outgoing pieces are gathered, in bytes. Not below 128 KiB, since
/// 64 KiB writes halve the rate of a loopback connection.
pub const GATHER_BYTES: usize = 128 << 10;

/// Gathering buffers that a shard keeps for reuse; the rest go back to the allocator.
pub const GATHER_BUFFERS_KEPT: usize = 16;

/// A gathering buffer kept for reuse is at most this large, in bytes.
pub const GATHER_BUFFER_KEPT_BYTES: usize = 64 << 10;

/// Pieces handed to one vectored write. The kernel takes up to 1,024; past 64 nothing is gained.
pub const SLICES_PER_WRITE: usize = 64;

/// Bytes that wait in one direction of an in-process pipe.
pub const PIPE_BYTES: usize = 256 << 10;

/// Room that an idle direction of a pipe keeps, in bytes, so that small requests do not allocate.
pub const PIPE_BYTES_KEPT: usize = 4 << 10;

/// Connections that the kernel holds for a listener before they are accepted.
pub const LISTEN_BACKLOG: i32 = 1024;

const _: () =
    assert!(LARGE_FRAME_BYTES <= SCRATCH_BYTES - READ_BYTES_MIN, "a small partial leaves room to read");
const _: () = assert!(LARGE_FRAME_FIRST_BYTES >= LARGE_FRAME_BYTES);
const _: () = assert!(GATHER_BYTES >= 128 << 10);
const _: () = assert!(COALESCE_BYTES_MAX < GATHER_BYTES);

/// Bytes of a key store or trust store. A bundle of every public authority is a quarter of a MiB.
pub const STORE_BYTES_MAX: u64 = 16 << 20;

/// Bytes read from the socket at once by a TLS connection that blocks: one record of the largest kind.
pub const TLS_BYTES_PER_READ: usize = 18 << 10;

/// Reads from the socket in one read of a TLS connection that brought nothing to hand over, such as parts
/// of a handshake; then the others have their turn.
pub const TLS_RECORDS_PER_READ: usize = 16;
