use super::*;
use crate::view::{PartitionView, TopicView};
use bytes::Bytes;
use kafka_wire::batch::{BatchBuilder, ProducerStamp, transaction_marker};
use kafka_wire::message::fetch::FetchableTopicResponse;

fn place(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

fn batch(base_offset: i64, values: &[&str], producer: Option<i64>) -> Bytes {
    let mut builder = BatchBuilder::new(base_offset);
    if let Some(id) = producer {
        builder = builder.producer(ProducerStamp { id, epoch: 0, base_sequence: 0, transactional: true });
    }
    for value in values {
        builder.append(0, None, Some(value.as_bytes()), &[]);
    }
    builder.build()
}

fn marker(offset: i64, producer: i64, kind: ControlKind) -> Bytes {
    let stamp = ProducerStamp { id: producer, epoch: 0, base_sequence: -1, transactional: true };
    transaction_marker(offset, 0, stamp, ControlRecord { kind, coordinator_epoch: 0 })
}

fn answer(bytes: Bytes, aborted: &[(i64, i64)]) -> FetchResponse {
    let aborted =
        aborted.iter().map(|&(producer_id, first_offset)| AbortedTransaction { producer_id, first_offset });
    let data = PartitionData {
        high_watermark: 100,
        aborted_transactions: Some(aborted.collect()),
        records: Some(bytes.into()),
        ..PartitionData::default()
    };
    respond(data)
}

fn respond(data: PartitionData) -> FetchResponse {
    let topic = FetchableTopicResponse {
        topic: "t".to_owned(),
        partitions: vec![data],
        ..FetchableTopicResponse::default()
    };
    FetchResponse { responses: vec![topic], ..FetchResponse::default() }
}

/// Reads from `from` and tells what is shown and where it ends.
fn check(isolation: Isolation, from: i64, response: FetchResponse, expect: &str) {
    let mut fetcher = Fetcher::new(isolation);
    fetcher.seek(place(0), from);
    let mut records = Vec::new();
    let troubles = fetcher.answered(response, &mut records);
    let mut words: Vec<String> = records
        .iter()
        .map(|fetched| {
            let value = fetched.record.value.as_deref().unwrap_or_default();
            format!("{}={}", fetched.record.offset, String::from_utf8_lossy(value))
        })
        .collect();
    words.extend(fetcher.positions().map(|(_, offset)| format!("@{offset}")));
    words.extend(troubles.iter().map(|trouble| format!("{trouble:?}").split('(').next().unwrap().to_owned()));
    assert_eq!(words.join(" "), expect);
}

#[test]
fn what_lies_before_the_position_is_dropped() {
    let bytes = Bytes::from([batch(5, &["a", "b", "c"], None), batch(8, &["d"], None)].concat());
    check(Isolation::ReadUncommitted, 5, answer(bytes.clone(), &[]), "5=a 6=b 7=c 8=d @9");
    check(Isolation::ReadUncommitted, 7, answer(bytes.clone(), &[]), "7=c 8=d @9");
    check(Isolation::ReadUncommitted, 5, answer(bytes.slice(..bytes.len() - 1), &[]), "5=a 6=b 7=c @8");
    check(Isolation::ReadUncommitted, 5, answer(Bytes::new(), &[]), "@5");
}

#[test]
fn aborted_transactions_are_hidden_from_those_who_want_committed_records() {
    let log = Bytes::from(
        [
            batch(0, &["p1-aborted"], Some(1)),
            batch(1, &["p2-committed"], Some(2)),
            batch(2, &["plain"], None),
            marker(3, 1, ControlKind::Abort),
            marker(4, 2, ControlKind::Commit),
            batch(5, &["p1-committed"], Some(1)),
            marker(6, 1, ControlKind::Commit),
        ]
        .concat(),
    );
    let aborted = [(1, 0)];
    check(
        Isolation::ReadCommitted,
        0,
        answer(log.clone(), &aborted),
        "1=p2-committed 2=plain 5=p1-committed @7",
    );
    check(
        Isolation::ReadUncommitted,
        0,
        answer(log, &aborted),
        "0=p1-aborted 1=p2-committed 2=plain 5=p1-committed @7",
    );
}

#[test]
fn offsets_that_were_compacted_away_are_passed() {
    let mut builder = BatchBuilder::new(10);
    builder.append(0, None, Some(b"a"), &[]);
    builder.reach(19);
    check(Isolation::ReadUncommitted, 10, answer(builder.build(), &[]), "10=a @20");
}

#[test]
fn errors_say_what_is_to_be_done() {
    let data = |error_code| respond(PartitionData { error_code, ..PartitionData::default() });
    check(Isolation::ReadUncommitted, 3, data(ErrorCode::NOT_LEADER_OR_FOLLOWER), "@3 Moved");
    check(Isolation::ReadUncommitted, 3, data(ErrorCode::OFFSET_OUT_OF_RANGE), "@3 OutOfRange");
    check(Isolation::ReadUncommitted, 3, data(ErrorCode::TOPIC_AUTHORIZATION_FAILED), "@3 Failed");
    let mut flipped = batch(3, &["abc"], None).to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    check(Isolation::ReadUncommitted, 3, answer(Bytes::from(flipped), &[]), "@3 Damaged");
}

#[test]
fn requests_go_to_leaders_and_the_end_is_known() {
    let partition = |leader| PartitionView { leader, ..PartitionView::default() };
    let partitions = [(0, partition(1)), (1, partition(2)), (2, partition(-1))].into();
    let topic = TopicView { partitions, ..TopicView::default() };
    let view = View { topics: [("t".to_owned(), topic)].into(), ..View::default() };
    let mut fetcher = Fetcher::new(Isolation::ReadCommitted);
    for partition in 0..3 {
        fetcher.seek(place(partition), 7);
    }
    let requests = fetcher.requests(&view);
    assert_eq!(requests.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(requests[&2].topics[0].partitions[0].fetch_offset, 7);
    assert_eq!(requests[&2].isolation_level, 1);
    fetcher.retain(|place| place.partition == 0);
    assert!(!fetcher.is_at_end());
    let mut records = Vec::new();
    fetcher.answered(respond(PartitionData { high_watermark: 7, ..PartitionData::default() }), &mut records);
    assert!(fetcher.is_at_end());
}
