use super::*;

fn stamp(producer_id: i64, epoch: i16, base_sequence: i32, count: i32) -> Stamp {
    Stamp {
        producer_id,
        producer_epoch: epoch,
        base_sequence,
        last_offset_delta: count - 1,
        timestamp: i64::from(base_sequence),
        transactional: false,
    }
}

fn transactional(producer_id: i64, base_sequence: i32) -> Stamp {
    Stamp { transactional: true, ..stamp(producer_id, 0, base_sequence, 1) }
}

/// Ten batches of two records: sequences 0..20 at offsets 100..120.
fn ten_batches() -> Producers {
    let mut producers = Producers::default();
    for number in 0..10 {
        let stamp = stamp(7, 3, number * 2, 2);
        assert_eq!(producers.check(&stamp, Origin::Client), Ok(SequenceCheck::Next));
        producers.record(&stamp, 100 + i64::from(number) * 2);
    }
    producers
}

#[test]
fn sequences_are_judged() {
    let producers = ten_batches();
    let check = |epoch, base, count, expect: Result<Option<i64>, ErrorCode>| {
        let outcome =
            producers.check(&stamp(7, epoch, base, count), Origin::Client).map(|check| match check {
                SequenceCheck::Next => None,
                SequenceCheck::Duplicate(mark) => Some(mark.base_offset()),
            });
        assert_eq!(outcome, expect, "epoch {epoch} sequence {base} count {count}");
    };
    const GAP: Result<Option<i64>, ErrorCode> = Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    const OLD: Result<Option<i64>, ErrorCode> = Err(ErrorCode::INVALID_PRODUCER_EPOCH);
    check(3, 20, 1, Ok(None));
    check(3, 21, 1, GAP);
    // The five newest batches are remembered, whole ones only.
    check(3, 18, 2, Ok(Some(118)));
    check(3, 10, 2, Ok(Some(110)));
    check(3, 8, 2, GAP);
    check(3, 18, 1, GAP);
    check(3, 19, 1, GAP);
    // A new epoch starts at 0, an old one is over.
    check(4, 0, 5, Ok(None));
    check(4, 20, 1, GAP);
    check(2, 20, 1, OLD);
    check(2, 0, 1, OLD);
    // An unknown producer may begin anywhere; so may a coordinator.
    assert_eq!(producers.check(&stamp(8, 0, 77, 1), Origin::Client), Ok(SequenceCheck::Next));
    assert_eq!(producers.check(&stamp(7, 3, 77, 1), Origin::Coordinator), Ok(SequenceCheck::Next));
}

#[test]
fn sequences_wrap() {
    let mut producers = Producers::default();
    producers.record(&stamp(7, 0, i32::MAX - 1, 4), 50);
    let last = producers.summaries().next().unwrap().last_batch.unwrap();
    assert_eq!((last.base_sequence(), last.last_sequence), (i32::MAX - 1, 1));
    assert_eq!(producers.check(&stamp(7, 0, 2, 1), Origin::Client), Ok(SequenceCheck::Next));
    let again = producers.check(&stamp(7, 0, i32::MAX - 1, 4), Origin::Client);
    assert_eq!(again, Ok(SequenceCheck::Duplicate(last)));
    let mut producers = Producers::default();
    producers.record(&stamp(7, 0, i32::MAX, 1), 50);
    assert_eq!(producers.check(&stamp(7, 0, 0, 1), Origin::Client), Ok(SequenceCheck::Next));
}

#[test]
fn a_snapshot_keeps_the_newest_batch() {
    let producers = ten_batches();
    let again = Producers::from_summaries(producers.summaries());
    assert_eq!(again.check(&stamp(7, 3, 20, 1), Origin::Client), Ok(SequenceCheck::Next));
    assert!(matches!(again.check(&stamp(7, 3, 18, 2), Origin::Client), Ok(SequenceCheck::Duplicate(_))));
    assert!(again.check(&stamp(7, 3, 16, 2), Origin::Client).is_err());
    assert_eq!(again.summaries().collect::<Vec<_>>(), producers.summaries().collect::<Vec<_>>());
}

#[test]
fn the_silent_are_forgotten() {
    let mut producers = ten_batches();
    producers.record(&transactional(8, 0), 120);
    producers.expire(WallTime::at_ms(18 + 99), 100);
    assert_eq!(producers.len(), 2);
    producers.expire(WallTime::at_ms(18 + 100), 100);
    let left: Vec<_> = producers.summaries().map(|summary| summary.producer_id).collect();
    assert_eq!(left, [8], "an open transaction keeps its producer");
}

#[test]
fn too_many_producers_push_out_the_oldest() {
    let mut producers = Producers::default();
    for id in 0..=PRODUCERS_MAX as i64 {
        producers.record(&Stamp { timestamp: id, ..stamp(id, 0, 0, 1) }, id);
    }
    assert_eq!(producers.len(), PRODUCERS_MAX + 1 - PRODUCERS_EVICTED);
    assert_eq!(producers.summaries().next().unwrap().producer_id, PRODUCERS_EVICTED as i64);
}

#[test]
fn an_open_transaction_holds_readers_back() {
    let mut producers = Producers::default();
    assert_eq!(producers.first_unstable_offset(), None);
    producers.record(&transactional(1, 0), 10);
    producers.record(&transactional(2, 0), 11);
    producers.record(&transactional(1, 1), 12);
    assert_eq!(producers.first_unstable_offset(), Some(10));
    // A plain batch amid one's own transaction is an error; another producer's is not.
    assert_eq!(producers.check(&stamp(1, 0, 2, 1), Origin::Client), Err(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(producers.check(&stamp(3, 0, 0, 1), Origin::Client), Ok(SequenceCheck::Next));

    let marker = |id| Stamp { base_sequence: -1, ..transactional(id, 0) };
    let aborted = producers.record_marker(&marker(1), 5, true, 13).unwrap();
    assert_eq!((aborted.transaction.first_offset, aborted.transaction.last_offset), (10, 13));
    assert_eq!(aborted.last_stable_offset, 11);
    // Ended, but its marker is not on all replicas yet.
    assert_eq!(producers.first_unstable_offset(), Some(10));
    producers.replicated(13);
    assert_eq!(producers.first_unstable_offset(), Some(10));
    producers.replicated(14);
    assert_eq!(producers.first_unstable_offset(), Some(11));

    assert_eq!(producers.record_marker(&marker(2), 5, false, 14), None);
    producers.replicated(15);
    assert_eq!(producers.first_unstable_offset(), None);
    // The producer goes on where it was; a marker without a transaction ends nothing.
    assert_eq!(producers.check(&transactional(1, 2), Origin::Client), Ok(SequenceCheck::Next));
    assert_eq!(producers.record_marker(&marker(1), 5, true, 15), None);
    assert_eq!(producers.check_marker(1, 0, 4), Err(ErrorCode::TRANSACTION_COORDINATOR_FENCED));
    assert_eq!(producers.check_marker(1, -1, 5), Err(ErrorCode::INVALID_PRODUCER_EPOCH));
    assert_eq!(producers.check_marker(1, 1, 5), Ok(()));
}
