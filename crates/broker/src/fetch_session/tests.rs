use super::*;
use kafka_wire::Records;
use kafka_wire::message::fetch::{FetchPartition, FetchTopic, ForgottenTopic};

const VERSION: i16 = 12;

fn request(session_id: i32, session_epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
    FetchRequest {
        session_id,
        session_epoch,
        topics: vec![FetchTopic {
            topic: "t".into(),
            partitions: partitions
                .iter()
                .map(|&(partition, fetch_offset)| FetchPartition {
                    partition,
                    fetch_offset,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn forgetting(session_id: i32, session_epoch: i32, partitions: &[i32]) -> FetchRequest {
    FetchRequest {
        session_id,
        session_epoch,
        forgotten_topics_data: vec![ForgottenTopic {
            topic: "t".into(),
            partitions: partitions.to_vec(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// An answer per target: (high watermark, whether there are records).
fn answers(plan: &FetchPlan, of: &[(i64, bool)]) -> Vec<(FetchTarget, PartitionData)> {
    assert_eq!(plan.targets.len(), of.len());
    let data = of.iter().map(|&(high_watermark, with_records)| PartitionData {
        high_watermark,
        log_start_offset: 0,
        records: with_records.then(|| Records::from(bytes::Bytes::from_static(b"batch"))),
        ..Default::default()
    });
    plan.targets.iter().cloned().zip(data).collect()
}

fn partitions(answers: &[(FetchTarget, PartitionData)]) -> Vec<i32> {
    answers.iter().map(|(target, _)| target.key.partition).collect()
}

fn opened(sessions: &mut FetchSessions, now: Moment, partitions: &[(i32, i64)]) -> i32 {
    let plan = sessions.plan(now, VERSION, request(0, 0, partitions)).unwrap();
    assert_eq!(plan.kind, FetchKind::Full);
    let told = answers(&plan, &vec![(0, false); partitions.len()]);
    sessions.open(now, &mut fastrand::Rng::with_seed(now.as_ms()), 2, VERSION, &told)
}

#[test]
fn a_session_tells_only_what_changed_and_serves_the_hungry_first() {
    let now = Moment::at_ms(1);
    let mut sessions = FetchSessions::default();
    let id = opened(&mut sessions, now, &[(0, 0), (1, 0), (2, 0)]);
    assert!(id > 0);

    let plan = sessions.plan(now, VERSION, request(id, 1, &[])).unwrap();
    let FetchKind::Incremental { id, epoch } = plan.kind else { panic!("{:?}", plan.kind) };
    let mut told = answers(&plan, &[(5, true), (0, false), (7, false)]);
    sessions.reduce(id, epoch, &mut told).unwrap();
    assert_eq!(partitions(&told), [0, 2], "1 has no news");

    let plan = sessions.plan(now, VERSION, request(id, 2, &[(0, 5)])).unwrap();
    let order: Vec<_> = plan.targets.iter().map(|t| (t.key.partition, t.offset)).collect();
    assert_eq!(order, [(1, 0), (2, 0), (0, 5)], "who was fed comes last, with the new offset");
}

#[test]
fn an_error_makes_the_next_answer_news() {
    let now = Moment::at_ms(1);
    let mut sessions = FetchSessions::default();
    let id = opened(&mut sessions, now, &[(0, 0)]);
    let plan = sessions.plan(now, VERSION, request(id, 1, &[])).unwrap();
    let mut told = answers(&plan, &[(0, false)]);
    told[0].1.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    sessions.reduce(id, 2, &mut told).unwrap();
    assert_eq!(told.len(), 1);
    let plan = sessions.plan(now, VERSION, request(id, 2, &[])).unwrap();
    let mut told = answers(&plan, &[(0, false)]);
    sessions.reduce(id, 3, &mut told).unwrap();
    assert_eq!(told.len(), 1);
}

#[test]
fn wrong_ids_epochs_and_namings_are_refused() {
    let now = Moment::at_ms(1);
    let mut sessions = FetchSessions::default();
    let id = opened(&mut sessions, now, &[(0, 0)]);
    let mut check = |version, id, epoch, expect| {
        let error = sessions.plan(now, version, request(id, epoch, &[])).unwrap_err();
        assert_eq!(error, expect);
    };
    check(VERSION, id ^ 1, 1, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
    check(VERSION, id, 2, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
    check(VERSION, id, i32::MAX, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
    check(13, id, 1, ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
}

#[test]
fn a_session_without_partitions_ends() {
    let now = Moment::at_ms(1);
    let mut sessions = FetchSessions::default();
    let id = opened(&mut sessions, now, &[(0, 0), (1, 0)]);
    let plan = sessions.plan(now, VERSION, forgetting(id, 1, &[0])).unwrap();
    assert_eq!(plan.targets.len(), 1);
    let plan = sessions.plan(now, VERSION, forgetting(id, 2, &[1])).unwrap();
    assert_eq!((plan.targets.len(), plan.kind), (0, FetchKind::Sessionless));
    assert_eq!((sessions.sessions.len(), sessions.partitions), (0, 0));
}

#[test]
fn slots_are_for_those_who_use_them() {
    let mut sessions = FetchSessions::default();
    let first = opened(&mut sessions, Moment::at_ms(1), &[(0, 0)]);
    let second = opened(&mut sessions, Moment::at_ms(2), &[(0, 0), (1, 0)]);
    assert!(first > 0 && second > 0);
    assert_eq!(opened(&mut sessions, Moment::at_ms(3), &[(0, 0)]), 0, "both slots are in use");
    let later = Moment::at_ms(200_000);
    sessions.plan(later, VERSION, request(second, 1, &[])).unwrap();
    assert!(opened(&mut sessions, later, &[(0, 0)]) > 0, "the idle one gave way");
    assert!(!sessions.sessions.contains_key(&first));
    // The second is in use, but old and smaller than the one that wants in.
    assert_eq!(opened(&mut sessions, later, &[(0, 0), (1, 0)]), 0);
    assert!(opened(&mut sessions, later, &[(0, 0), (1, 0), (2, 0)]) > 0);
    assert!(!sessions.sessions.contains_key(&second));
}

#[test]
fn the_epoch_wraps_to_one() {
    assert_eq!(next_epoch(i32::MAX), 1);
    assert_eq!(next_epoch(0), 1);
}
