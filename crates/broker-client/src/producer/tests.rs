use super::*;
use crate::view::{PartitionView, TopicView};
use kafka_wire::batch::Batch;
use kafka_wire::message::produce::{PartitionProduceResponse, TopicProduceResponse};

/// A topic `t` whose partitions are led by brokers 1 and 2 in turn.
fn view(partitions: i32) -> View {
    let partitions = (0..partitions)
        .map(|number| (number, PartitionView { leader: 1 + number % 2, ..PartitionView::default() }))
        .collect();
    let topic = TopicView { partitions, ..TopicView::default() };
    View { topics: [("t".to_owned(), topic)].into(), ..View::default() }
}

fn record(partition: i32, value: &'static str) -> NewRecord {
    NewRecord {
        topic: "t".to_owned(),
        partition: Some(partition),
        value: Some(Bytes::from_static(value.as_bytes())),
        ..NewRecord::default()
    }
}

fn producer() -> Producer {
    let mut producer = Producer::new(ProducerOptions::default(), 1);
    assert!(producer.wants_identity());
    producer.identify(9, 0);
    producer
}

fn respond(request: &ProduceRequest, code: ErrorCode, base_offset: i64) -> ProduceResponse {
    let responses = request.topic_data.iter().map(|topic| TopicProduceResponse {
        name: topic.name.clone(),
        partition_responses: topic
            .partition_data
            .iter()
            .map(|data| PartitionProduceResponse {
                index: data.index,
                error_code: code,
                base_offset,
                ..PartitionProduceResponse::default()
            })
            .collect(),
        ..TopicProduceResponse::default()
    });
    ProduceResponse { responses: responses.collect(), ..ProduceResponse::default() }
}

fn batch(request: &ProduceRequest) -> Batch {
    let records = request.topic_data[0].partition_data[0].records.clone().unwrap();
    Batch::produced(records.to_bytes()).unwrap()
}

#[test]
fn batches_go_to_their_leaders() {
    let (view, mut producer) = (view(3), producer());
    for partition in 0..3 {
        producer.push(&view, &record(partition, "x")).unwrap();
    }
    assert!(producer.requests(&view).is_empty(), "open batches wait for more");
    producer.seal();
    let requests = producer.requests(&view);
    let places: BTreeMap<i32, Vec<String>> = requests
        .iter()
        .map(|(node, request)| (*node, super::places(request).iter().map(ToString::to_string).collect()))
        .collect();
    assert_eq!(places, BTreeMap::from([(1, vec!["t-0".into(), "t-2".into()]), (2, vec!["t-1".into()])]));
    assert!(producer.requests(&view).is_empty(), "one batch of a partition is under way at a time");
}

#[test]
fn sequence_numbers_count_on_and_retries_repeat_the_bytes() {
    let (view, mut producer) = (view(1), producer());
    let mut deliveries = Vec::new();
    for value in ["a", "b", "c"] {
        producer.push(&view, &record(0, value)).unwrap();
    }
    producer.seal();
    producer.push(&view, &record(0, "d")).unwrap();
    producer.seal();
    let first = producer.requests(&view).remove(&1).unwrap();
    assert_eq!((batch(&first).header().base_sequence, batch(&first).header().record_count), (0, 3));

    assert!(producer.answered(
        &first,
        respond(&first, ErrorCode::NOT_LEADER_OR_FOLLOWER, -1),
        &mut deliveries
    ));
    let again = producer.requests(&view).remove(&1).unwrap();
    assert_eq!(again, first);
    producer.lost(&again, &mut deliveries);
    let again = producer.requests(&view).remove(&1).unwrap();
    assert!(deliveries.is_empty());
    let duplicate = respond(&again, ErrorCode::DUPLICATE_SEQUENCE_NUMBER, -1);
    assert!(!producer.answered(&again, duplicate, &mut deliveries));
    assert_eq!(deliveries.pop().map(|d| (d.records, d.outcome)), Some((3, Ok(-1))));

    let second = producer.requests(&view).remove(&1).unwrap();
    assert_eq!(batch(&second).header().base_sequence, 3);
    producer.answered(&second, respond(&second, ErrorCode::NONE, 42), &mut deliveries);
    assert_eq!(deliveries.pop().map(|d| (d.records, d.outcome)), Some((1, Ok(42))));
    assert_eq!(producer.waiting(), 0);
}

#[test]
fn lasting_errors_and_too_many_tries_end_a_batch() {
    let check = |code: ErrorCode, tries: u32| {
        let (view, mut producer) = (view(1), producer());
        producer.push(&view, &record(0, "a")).unwrap();
        producer.seal();
        let mut deliveries = Vec::new();
        for _ in 0..tries {
            assert!(deliveries.is_empty());
            let request = producer.requests(&view).remove(&1).unwrap();
            producer.answered(&request, respond(&request, code, -1), &mut deliveries);
        }
        assert_eq!(deliveries[0].outcome, Err((code, None)));
        assert_eq!(producer.waiting(), 0);
    };
    check(ErrorCode::MESSAGE_TOO_LARGE, 1);
    check(ErrorCode::CORRUPT_MESSAGE, 1);
    check(ErrorCode::NOT_ENOUGH_REPLICAS, SEND_ATTEMPTS_MAX);
}

#[test]
fn what_cannot_be_sent_is_not_taken() {
    let (view, mut producer) = (view(2), producer());
    let unknown = NewRecord { topic: "other".to_owned(), ..NewRecord::default() };
    assert_eq!(producer.push(&view, &unknown), Err(PushError::UnknownTopic));
    assert_eq!(producer.push(&view, &record(2, "x")), Err(PushError::UnknownPartition));
    for _ in 0..BATCHES_WAITING_MAX {
        producer.push(&view, &record(0, "x")).unwrap();
        producer.seal();
    }
    assert_eq!(producer.push(&view, &record(0, "x")), Err(PushError::Full));
}

#[test]
fn a_full_batch_closes_itself() {
    let options = ProducerOptions { batch_bytes: 1_000, idempotent: false, ..ProducerOptions::default() };
    let (view, mut producer) = (view(1), Producer::new(options, 1));
    assert!(!producer.wants_identity());
    let large = NewRecord { value: Some(Bytes::from(vec![b'x'; 400])), ..record(0, "") };
    for _ in 0..3 {
        producer.push(&view, &large).unwrap();
    }
    assert_eq!(producer.waiting(), 1);
    let mut deliveries = Vec::new();
    let request = producer.requests(&view).remove(&1).unwrap();
    assert_eq!(batch(&request).header().producer_id, -1);
    producer.told(&request, &mut deliveries);
    assert_eq!((deliveries.len(), producer.waiting()), (1, 0));
}

#[test]
fn an_answer_that_forgets_a_partition_fails_it() {
    let (view, mut producer) = (view(1), producer());
    producer.push(&view, &record(0, "a")).unwrap();
    producer.seal();
    let request = producer.requests(&view).remove(&1).unwrap();
    let mut deliveries = Vec::new();
    producer.answered(&request, ProduceResponse::default(), &mut deliveries);
    assert_eq!(deliveries[0].outcome, Err((ErrorCode::UNKNOWN_SERVER_ERROR, None)));
}
