//! LZ4 blocks packed with care: at each place the longest of the earlier matches is looked for, along a chain of all
//! places whose next four bytes have the same hash. The library in use packs only the fast way.
//!
//! A block is a row of sequences: a token (lengths of literals and match, four bits each, 15 says that more follow),
//! the literals, and the distance of the match in two bytes. The last sequence has literals only.
//! Source: the LZ4 block format description.

/// Shortest match.
const MATCH_MIN: usize = 4;
/// A match begins at least so far before the end...
const MATCH_BEFORE_END: usize = 12;
/// ...and ends so far before it.
const LITERALS_AT_END: usize = 5;
/// Farthest that a match may lie back.
const DISTANCE_MAX: usize = 65_535;
const HASH_BITS: u32 = 14;
/// The end of a chain.
const NOWHERE: u32 = u32::MAX;
/// Highest level whose search differs from the next: every place of a block could be looked at above it.
const LEVEL_MAX: i32 = 12;

/// Packs one block of at most 64 KiB behind `out`, looking at up to two to the power of `level` earlier places for
/// each match.
pub(super) fn pack(block: &[u8], level: i32, out: &mut Vec<u8>) {
    assert!(block.len() <= DISTANCE_MAX + 1);
    let mut places = Places::new(block, 1 << level.clamp(1, LEVEL_MAX));
    let last = block.len().saturating_sub(MATCH_BEFORE_END);
    let (mut at, mut literals) = (0, 0);
    while at < last {
        let Some(mut found) = places.longest(at) else {
            places.learn(at);
            at += 1;
            continue;
        };
        // A longer match one place further on is worth one more literal.
        while at + 1 < last {
            places.learn(at);
            match places.longest(at + 1) {
                Some(next) if next.length > found.length => (at, found) = (at + 1, next),
                _ => break,
            }
        }
        sequence(out, &block[literals..at], Some(found));
        let end = at + found.length;
        (at..end.min(last)).for_each(|place| places.learn(place));
        (at, literals) = (end, end);
    }
    sequence(out, &block[literals..], None);
}

/// Bytes that occurred before.
#[derive(Clone, Copy)]
struct Match {
    distance: usize,
    length: usize,
}

/// Where the same four bytes may have occurred.
struct Places<'a> {
    block: &'a [u8],
    tries: usize,
    /// The latest place of each hash.
    latest: Vec<u32>,
    /// Of each place, the one before it with the same hash.
    before: Vec<u32>,
    /// Places below are known.
    known: usize,
}

impl<'a> Places<'a> {
    fn new(block: &'a [u8], tries: usize) -> Self {
        let (latest, before) = (vec![NOWHERE; 1 << HASH_BITS], vec![NOWHERE; block.len()]);
        Places { block, tries, latest, before, known: 0 }
    }

    fn hash(&self, at: usize) -> usize {
        let bytes = self.block[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four));
        (bytes.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
    }

    /// Takes a place in, once.
    fn learn(&mut self, at: usize) {
        if at < self.known {
            return;
        }
        self.known = at + 1;
        let hash = self.hash(at);
        self.before[at] = std::mem::replace(&mut self.latest[hash], at as u32);
    }

    /// The longest match of what begins at `at`, behind all places that are known.
    fn longest(&self, at: usize) -> Option<Match> {
        let end = self.block.len() - LITERALS_AT_END;
        let mut best: Option<Match> = None;
        let mut place = self.latest[self.hash(at)];
        for _ in 0..self.tries {
            if place == NOWHERE {
                break;
            }
            let from = place as usize;
            let pairs = self.block[from..].iter().zip(&self.block[at..end]);
            let length = pairs.take_while(|(one, other)| one == other).count();
            if length >= MATCH_MIN && best.is_none_or(|best| length > best.length) {
                best = Some(Match { distance: at - from, length });
                if at + length == end {
                    break;
                }
            }
            place = self.before[from];
        }
        best
    }
}

fn sequence(out: &mut Vec<u8>, literals: &[u8], found: Option<Match>) {
    let extra = found.map_or(0, |found| found.length - MATCH_MIN);
    out.push(((literals.len().min(15) << 4) | extra.min(15)) as u8);
    more(out, literals.len());
    out.extend_from_slice(literals);
    if let Some(found) = found {
        out.extend_from_slice(&(found.distance as u16).to_le_bytes());
        more(out, extra);
    }
}

/// What of a length does not fit into its four bits.
fn more(out: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(15) else { return };
    while rest >= 255 {
        out.push(255);
        rest -= 255;
    }
    out.push(rest as u8);
}
