//! Room on the disk of one log directory for clients' records. Producers are refused before the disk is
//! full, so that what the broker itself must write still fits; readers go on, and producers are served
//! again as soon as there is room.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::limits::{FREE_BYTES_MIN, SPACE_LOOK_BYTES};

/// What is known of the space; shared by the replicas of a log directory.
#[derive(Debug, Default)]
pub(crate) struct DiskSpace {
    /// Bytes that may be appended before the disk is asked again.
    room: AtomicI64,
    is_full: AtomicBool,
}

impl DiskSpace {
    /// Takes room for `bytes`, asking the disk how much is `free` if need be. False if there is too little.
    pub(crate) fn take(&self, bytes: usize, free: impl FnOnce() -> Option<u64>) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.room.fetch_sub(bytes, Ordering::Relaxed) >= bytes {
            return true;
        }
        // A disk that does not tell is found out by the write itself.
        let Some(free) = free() else { return true };
        let is_taken = free.saturating_sub(FREE_BYTES_MIN) >= bytes as u64;
        // Refused: the next one asks again.
        self.look(if is_taken { free } else { 0 });
        self.room.fetch_sub(bytes.min(SPACE_LOOK_BYTES as i64), Ordering::Relaxed);
        is_taken
    }

    /// Takes note of what is free.
    pub(crate) fn look(&self, free: u64) {
        let room = free.saturating_sub(FREE_BYTES_MIN).min(SPACE_LOOK_BYTES);
        self.room.store(room as i64, Ordering::Relaxed);
        self.is_full.store(free < FREE_BYTES_MIN, Ordering::Relaxed);
    }

    /// Whether producers are refused.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }
}

const _: () = assert!(SPACE_LOOK_BYTES < FREE_BYTES_MIN && FREE_BYTES_MIN < i64::MAX as u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_taken_down_to_what_must_stay_free() {
        let space = DiskSpace::default();
        let taken = |bytes: usize, free: u64| (space.take(bytes, || Some(free)), space.is_full());
        assert_eq!(taken(100, FREE_BYTES_MIN + 100), (true, false));
        assert_eq!(taken(101, FREE_BYTES_MIN + 100), (false, true));
        assert_eq!(taken(1, FREE_BYTES_MIN - 1), (false, true));
        // There is space again.
        assert_eq!(taken(1 << 20, FREE_BYTES_MIN * 3), (true, false));
        // And the disk is not asked each time.
        assert!(space.take(1 << 20, || panic!("there is room")));
        assert!(space.take(SPACE_LOOK_BYTES as usize * 2, || None));
    }
}
