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
fn anything_follows_a_batch_without_an_epoch() {
    let mut producers = Producers::default();
    producers.record(&stamp(9, -1, 0, 3), 50);
    for next in [stamp(9, 0, 3, 3), stamp(9, 0, 0, 1), stamp(9, -1, 40, 1)] {
        assert_eq!(producers.check(&next, Origin::Client), Ok(SequenceCheck::Next));
    }
    producers.record(&stamp(9, 0, 3, 3), 53);
    let gap = producers.check(&stamp(9, 0, 7, 1), Origin::Client);
    assert_eq!(gap, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
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

/// Random batches of a few producers against the plain rule, told over the whole history.
#[test]
fn the_window_agrees_with_the_whole_history() {
    struct Past {
        stamp: Stamp,
        base_offset: i64,
    }
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..200 {
        let mut producers = Producers::default();
        let mut history: Vec<Past> = Vec::new();
        let mut end = 0;
        for _ in 0..120 {
            let producer_id = random.i64(0..2);
            let own: Vec<&Past> =
                history.iter().filter(|past| past.stamp.producer_id == producer_id).collect();
            let known = own.last().map(|past| past.stamp.producer_epoch);
            let epoch = known.map_or(0, |epoch| (epoch + random.i16(-1..=1) * random.i16(0..2)).max(0));
            let of_epoch: Vec<&&Past> =
                own.iter().filter(|past| past.stamp.producer_epoch == epoch).collect();
            let next =
                of_epoch.last().map_or(0, |past| past.stamp.base_sequence + past.stamp.last_offset_delta + 1);
            let stamp = match random.u32(0..10) {
                0 => stamp(producer_id, epoch, next + 1, 1),
                1..4 if !of_epoch.is_empty() => of_epoch[random.usize(..of_epoch.len())].stamp,
                _ => stamp(producer_id, epoch, next, random.i32(1..4)),
            };
            let newest = &of_epoch[of_epoch.len().saturating_sub(5)..];
            let same = |past: &&&&Past| {
                (past.stamp.base_sequence, past.stamp.last_offset_delta)
                    == (stamp.base_sequence, stamp.last_offset_delta)
            };
            let duplicate =
                newest.iter().find(same).filter(|_| known == Some(epoch)).map(|past| past.base_offset);
            let expect = match (known, duplicate) {
                (_, Some(offset)) => Ok(Some(offset)),
                (Some(known), None) if epoch < known => Err(ErrorCode::INVALID_PRODUCER_EPOCH),
                (Some(known), None) if epoch > known && stamp.base_sequence != 0 => {
                    Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
                }
                (Some(known), None) if epoch == known && stamp.base_sequence != next => {
                    Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
                }
                _ => Ok(None),
            };
            let found = producers.check(&stamp, Origin::Client).map(|check| match check {
                SequenceCheck::Next => None,
                SequenceCheck::Duplicate(mark) => Some(mark.base_offset()),
            });
            assert_eq!(found, expect, "{stamp:?}");
            if found == Ok(None) {
                producers.record(&stamp, end);
                history.push(Past { stamp, base_offset: end });
                end += i64::from(stamp.last_offset_delta) + 1;
            }
            if random.u32(0..20) == 0 {
                // A restart forgets all batches but the newest of each producer.
                producers = Producers::from_summaries(producers.summaries());
                let mut newest = BTreeMap::new();
                for past in history.drain(..) {
                    newest.insert(past.stamp.producer_id, past);
                }
                history.extend(newest.into_values());
                history.sort_by_key(|past| past.base_offset);
            }
        }
    }
}
