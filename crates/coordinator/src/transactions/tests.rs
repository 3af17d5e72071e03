//! Conversations with the coordinator of transactions, with a log that can be cut and read again.

use std::collections::BTreeSet;

use bytes::Bytes;
use clock::{Now, Span};
use kafka_wire::ErrorCode;

use super::*;
use crate::input::Producer;

/// A coordinator of one partition over a log in memory.
struct World {
    core: Transactions,
    now_ms: u64,
    log: Vec<(Bytes, Option<Bytes>)>,
    /// Appends that are not told of yet.
    unwritten: Vec<WriteToken>,
    /// Marks that are not told of yet.
    unmarked: Vec<(MarkToken, Producer, bool, Partitions)>,
    answers: Vec<(u64, Answer)>,
    next_token: u64,
    /// Whether records and markers are committed as soon as they are asked for.
    is_quick: bool,
}

impl World {
    fn new() -> World {
        let settings = Settings { partitions: 1, ..Settings::default() };
        let mut world = World {
            core: Transactions::new(settings, Now::at_ms(0)),
            now_ms: 1_000,
            log: Vec::new(),
            unwritten: Vec::new(),
            unmarked: Vec::new(),
            answers: Vec::new(),
            next_token: 0,
            is_quick: true,
        };
        world.load(0);
        world
    }

    fn load(&mut self, leader_epoch: i32) {
        self.step(Input::Load { partition: 0, leader_epoch });
        let records = self.log.clone();
        self.step(Input::Loading { partition: 0, records });
        self.step(Input::Loaded { partition: 0 });
    }

    /// Another broker takes over with what is in the log.
    fn fail_over(&mut self, leader_epoch: i32) {
        let settings = Settings { partitions: 1, ..Settings::default() };
        self.core = Transactions::new(settings, Now::at_ms(self.now_ms));
        self.unwritten.clear();
        self.unmarked.clear();
        self.load(leader_epoch);
    }

    fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.core.step(Now::at_ms(self.now_ms), input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Append { record, write, .. } => {
                    self.log.push((record.key, record.value));
                    self.unwritten.push(write);
                }
                Effect::Mark { mark, producer, committed, partitions, .. } => {
                    self.unmarked.push((mark, producer, committed, partitions));
                }
                Effect::Answer { token, answer } => self.answers.push((token.0, answer)),
                Effect::Note(note) => panic!("{note}"),
            }
        }
        if self.is_quick {
            self.catch_up();
        }
    }

    fn catch_up(&mut self) {
        while let Some(write) = self.unwritten.pop() {
            self.step(Input::Appended { write });
        }
        while let Some((mark, ..)) = self.unmarked.pop() {
            self.step(Input::Marked { mark, left: Partitions::new() });
        }
    }

    fn ask(&mut self, input: impl FnOnce(RequestToken) -> Input) -> Option<Answer> {
        self.next_token += 1;
        let token = self.next_token;
        self.step(input(RequestToken(token)));
        let at = self.answers.iter().position(|(answered, _)| *answered == token)?;
        Some(self.answers.remove(at).1)
    }

    fn init_as(&mut self, expected: Option<Producer>, fresh_id: Option<i64>) -> Option<Answer> {
        let request = InitRequest { id: "t".into(), timeout_ms: 60_000, expected, fresh_id };
        self.ask(|token| Input::Init(token, request))
    }

    fn init(&mut self) -> Producer {
        match self.init_as(None, Some(7)) {
            Some(Answer::Init(Ok(producer))) => producer,
            other => panic!("{other:?}"),
        }
    }

    fn add(&mut self, producer: Producer, version: ClientVersion) -> Option<Answer> {
        let partitions = Partitions::from([("a".to_owned(), BTreeSet::from([0, 1]))]);
        let request = AddRequest { id: "t".into(), producer, partitions, version };
        self.ask(|token| Input::Add(token, request))
    }

    fn end(&mut self, producer: Producer, committed: bool, version: ClientVersion) -> Option<Answer> {
        self.end_with(producer, committed, version, None)
    }

    fn end_with(
        &mut self,
        producer: Producer,
        committed: bool,
        version: ClientVersion,
        fresh_id: Option<i64>,
    ) -> Option<Answer> {
        let request = EndRequest { id: "t".into(), producer, committed, version, fresh_id };
        self.ask(|token| Input::End(token, request))
    }

    fn state(&self) -> &'static str {
        self.core.describe("t").expect("it is known").state
    }
}

use ClientVersion::{V1, V2};

const ADDED: Option<Answer> = Some(Answer::Add(ErrorCode::NONE));

fn producer(id: i64, epoch: i16) -> Producer {
    Producer { id, epoch }
}

fn refused(error: ErrorCode) -> Option<Answer> {
    Some(Answer::End(Err(error)))
}

fn ended(id: i64, epoch: i16) -> Option<Answer> {
    Some(Answer::End(Ok(producer(id, epoch))))
}

#[test]
fn a_first_producer_needs_a_fresh_id_and_begins_at_epoch_0() {
    let mut world = World::new();
    assert_eq!(world.init_as(None, None), Some(Answer::NeedsFreshId));
    assert_eq!(world.init(), producer(7, 0));
    assert_eq!(world.init(), producer(7, 1), "the next one fences it");
    assert_eq!(world.add(producer(7, 0), V1), Some(Answer::Add(ErrorCode::PRODUCER_FENCED)));
    let wrong_id = Some(Answer::Add(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    assert_eq!(world.add(producer(8, 1), V1), wrong_id);
    assert_eq!(world.state(), "Empty");
}

#[test]
fn time_outs_outside_of_the_bounds_are_refused() {
    let mut world = World::new();
    for (timeout_ms, is_allowed) in [(0, false), (-1, false), (1, true), (900_000, true), (900_001, false)] {
        let request = InitRequest { id: "t".into(), timeout_ms, expected: None, fresh_id: Some(1) };
        let answer = world.ask(|token| Input::Init(token, request));
        let is_refused = answer == Some(Answer::Init(Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT)));
        assert_eq!(!is_refused, is_allowed, "{timeout_ms}");
    }
}

#[test]
fn a_transaction_is_answered_when_decided_and_complete_when_marked() {
    for (committed, decided, complete) in
        [(true, "PrepareCommit", "CompleteCommit"), (false, "PrepareAbort", "CompleteAbort")]
    {
        let mut world = World::new();
        let me = world.init();
        assert_eq!(world.add(me, V1), ADDED);
        assert_eq!(world.add(me, V1), ADDED, "again, without a record");
        assert_eq!(world.log.len(), 2);
        assert_eq!(world.state(), "Ongoing");
        world.is_quick = false;
        assert_eq!(world.end(me, committed, V1), None, "not before it is durable");
        let write = world.unwritten.pop().expect("the decision");
        world.step(Input::Appended { write });
        assert_eq!(world.answers.pop().map(|(_, answer)| answer), ended(7, 0));
        assert_eq!(world.state(), decided);
        assert_eq!(world.end(me, committed, V1), refused(ErrorCode::CONCURRENT_TRANSACTIONS));
        assert_eq!(world.end(me, !committed, V1), refused(ErrorCode::INVALID_TXN_STATE));
        assert_eq!(world.add(me, V1), Some(Answer::Add(ErrorCode::CONCURRENT_TRANSACTIONS)));
        let (_, marked_as, is_commit, partitions) = world.unmarked[0].clone();
        assert_eq!((marked_as, is_commit), (me, committed));
        assert_eq!(partitions["a"], BTreeSet::from([0, 1]));
        world.catch_up();
        world.catch_up();
        assert_eq!(world.state(), complete);
        assert_eq!(world.end(me, committed, V1), ended(7, 0), "the answer was lost");
        assert_eq!(world.end(me, !committed, V1), refused(ErrorCode::INVALID_TXN_STATE));
        world.is_quick = true;
        assert_eq!(world.add(me, V1), ADDED, "the next transaction");
    }
}

#[test]
fn an_open_transaction_is_aborted_before_the_next_producer() {
    let mut world = World::new();
    let me = world.init();
    assert_eq!(world.add(me, V1), ADDED);
    let concurrent = Some(Answer::Init(Err(ErrorCode::CONCURRENT_TRANSACTIONS)));
    assert_eq!(world.init_as(None, None), concurrent);
    assert_eq!(world.state(), "CompleteAbort");
    assert_eq!(world.end(me, true, V1), refused(ErrorCode::PRODUCER_FENCED), "the zombie");
    assert_eq!(world.init(), producer(7, 2), "one epoch went to the fence");
}

#[test]
fn a_producer_that_says_who_it_is_is_fenced_or_goes_on() {
    // KIP-360: (who it says to be, what it is told), after an initialization at epoch 0.
    let fenced = Err(ErrorCode::PRODUCER_FENCED);
    for (expected, told) in
        [(producer(7, 0), Ok(producer(7, 1))), (producer(7, 5), fenced), (producer(8, 0), fenced)]
    {
        let mut world = World::new();
        world.init();
        assert_eq!(world.init_as(Some(expected), None), Some(Answer::Init(told)), "{expected:?}");
        if told.is_ok() {
            assert_eq!(world.init_as(Some(expected), None), Some(Answer::Init(told)), "a repetition");
        }
    }
}

#[test]
fn used_up_epochs_lead_to_another_id() {
    let mut world = World::new();
    let value = |world: &mut World, epoch| {
        world.init();
        let place = Place { partition: 0, id: "t".into() };
        world.core.find_mut(&place).expect("it was made").value.producer.epoch = epoch;
    };
    value(&mut world, i16::MAX - 1);
    assert_eq!(world.init_as(None, None), Some(Answer::NeedsFreshId));
    assert_eq!(world.init_as(None, Some(9)), Some(Answer::Init(Ok(producer(9, 0)))));
    let mut world = World::new();
    value(&mut world, i16::MAX - 1);
    let expected = Some(producer(7, i16::MAX - 1));
    assert_eq!(world.init_as(expected, Some(9)), Some(Answer::Init(Ok(producer(9, 0)))));
    assert_eq!(world.init_as(expected, Some(9)), Some(Answer::Init(Ok(producer(9, 0)))), "a repetition");
    // In the second protocol the end of a transaction does it.
    let mut world = World::new();
    value(&mut world, i16::MAX - 1);
    let last = producer(7, i16::MAX - 1);
    assert_eq!(world.add(last, V2), ADDED);
    assert_eq!(world.end(last, true, V2), Some(Answer::NeedsFreshId));
    assert_eq!(world.end_with(last, true, V2, Some(9)), ended(9, 0));
    assert_eq!(world.end_with(last, true, V2, Some(10)), ended(9, 0), "a repetition");
    assert_eq!(world.add(producer(9, 0), V2), ADDED);
}

#[test]
fn each_end_raises_the_epoch_in_the_second_protocol() {
    let mut world = World::new();
    let me = world.init();
    assert_eq!(world.end(me, true, V2), refused(ErrorCode::INVALID_TXN_STATE), "nothing to commit");
    assert_eq!(world.end(me, false, V2), ended(7, 1), "nothing to abort is no error");
    let me = producer(7, 1);
    assert_eq!(world.add(me, V2), ADDED);
    assert_eq!(world.end(me, true, V2), ended(7, 2));
    assert_eq!(world.end(me, true, V2), ended(7, 2), "a repetition");
    assert_eq!(world.end(me, false, V2), refused(ErrorCode::INVALID_TXN_STATE), "a late abort");
    assert_eq!(world.add(producer(7, 2), V2), ADDED);
    assert_eq!(world.end(me, true, V2), refused(ErrorCode::PRODUCER_FENCED), "too late to be a repetition");
    assert_eq!(world.end(producer(7, 2), false, V2), ended(7, 3));
    let last = world.log.last().and_then(|(_, value)| value.clone()).expect("a value");
    assert_eq!(last[..2], [0, 1], "value version 1 holds what the second protocol needs");
}

#[test]
fn what_takes_too_long_is_aborted_and_what_is_silent_too_long_is_forgotten() {
    let mut world = World::new();
    let me = world.init();
    assert_eq!(world.add(me, V1), ADDED);
    world.now_ms += 60_000;
    world.step(Input::Woken);
    assert_eq!(world.state(), "Ongoing");
    world.now_ms += 10_000;
    world.step(Input::Woken);
    assert_eq!(world.state(), "CompleteAbort");
    assert_eq!(world.end(me, true, V1), refused(ErrorCode::PRODUCER_FENCED));
    world.now_ms += Span::seconds(7 * 24 * 3600).as_ms();
    world.step(Input::Woken);
    assert_eq!(world.core.describe("t"), Err(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND));
    assert!(world.log.last().is_some_and(|(_, value)| value.is_none()));
    assert_eq!(world.end(me, true, V1), refused(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
}

#[test]
fn markers_that_cannot_be_written_are_tried_again() {
    let mut world = World::new();
    let me = world.init();
    assert_eq!(world.add(me, V1), ADDED);
    world.is_quick = false;
    world.end(me, true, V1);
    let write = world.unwritten.pop().expect("the decision");
    world.step(Input::Appended { write });
    let (mark, ..) = world.unmarked.pop().expect("the markers");
    let left = Partitions::from([("a".to_owned(), BTreeSet::from([1]))]);
    world.step(Input::Marked { mark, left: left.clone() });
    assert!(world.unmarked.is_empty());
    world.now_ms += 100;
    assert!(world.core.deadline().is_some_and(|at| at <= Now::at_ms(world.now_ms).moment));
    world.step(Input::Woken);
    assert_eq!(world.unmarked.len(), 1);
    assert_eq!(world.unmarked[0].3, left, "only where they are missing");
    world.catch_up();
    world.catch_up();
    assert_eq!(world.state(), "CompleteCommit");
}

#[test]
fn a_record_that_is_not_written_changes_nothing() {
    let mut world = World::new();
    let me = world.init();
    world.is_quick = false;
    let fail = |world: &mut World, error| {
        let write = world.unwritten.pop().expect("an append");
        world.log.pop();
        world.step(Input::AppendFailed { write, error });
        world.answers.pop().map(|(_, answer)| answer)
    };
    world.add(me, V1);
    let told = fail(&mut world, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(told, Some(Answer::Add(ErrorCode::COORDINATOR_NOT_AVAILABLE)));
    assert_eq!(world.state(), "Empty");
    world.is_quick = true;
    assert_eq!(world.add(me, V1), ADDED);
    world.is_quick = false;
    world.end(me, true, V1);
    assert_eq!(fail(&mut world, ErrorCode::NOT_LEADER_OR_FOLLOWER), refused(ErrorCode::NOT_COORDINATOR));
    assert_eq!(world.state(), "Ongoing");
    world.init_as(None, None);
    let told = fail(&mut world, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(told, Some(Answer::Init(Err(ErrorCode::COORDINATOR_NOT_AVAILABLE))));
    assert_eq!(world.end(me, true, V1), refused(ErrorCode::PRODUCER_FENCED), "fenced all the same");
    world.is_quick = true;
    world.init_as(None, None);
    assert_eq!(world.init(), producer(7, 2), "the fence took one epoch, not two");
}

#[test]
fn who_takes_over_goes_on_at_every_step() {
    // The log of a whole transaction, cut after each record.
    let mut world = World::new();
    let me = world.init();
    world.add(me, V1);
    world.end(me, true, V1);
    let log = world.log.clone();
    assert_eq!(log.len(), 4);
    let expected = [
        (0, Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING)),
        (1, Err(ErrorCode::INVALID_TXN_STATE)),
        (2, Ok(me)),
        // Decided: the markers were written again on loading, so it is complete.
        (3, Ok(me)),
        (4, Ok(me)),
    ];
    for (records, told) in expected {
        let mut world = World::new();
        world.log = log[..records].to_vec();
        world.fail_over(1);
        assert_eq!(world.end(me, true, V1), Some(Answer::End(told)), "after {records} records");
        if told.is_ok() {
            assert_eq!(world.state(), "CompleteCommit");
        }
    }
}

#[test]
fn who_leads_no_longer_tells_those_who_wait() {
    let mut world = World::new();
    let me = world.init();
    world.is_quick = false;
    assert_eq!(world.add(me, V1), None);
    world.step(Input::Unload { partition: 0, leader_epoch: Some(1) });
    assert_eq!(world.answers.pop().map(|(_, answer)| answer), Some(Answer::Add(ErrorCode::NOT_COORDINATOR)));
    assert_eq!(world.add(me, V1), Some(Answer::Add(ErrorCode::NOT_COORDINATOR)));
    world.step(Input::Load { partition: 0, leader_epoch: 0 });
    assert_eq!(world.add(me, V1), Some(Answer::Add(ErrorCode::NOT_COORDINATOR)), "an order of the past");
    world.step(Input::Load { partition: 0, leader_epoch: 2 });
    assert_eq!(world.add(me, V1), Some(Answer::Add(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)));
}

#[test]
fn partitions_are_verified_against_the_open_transaction() {
    let mut world = World::new();
    let me = world.init();
    assert_eq!(world.core.verify("t", me, "a", 0), Err(ErrorCode::TRANSACTION_ABORTABLE));
    world.add(me, V1);
    assert_eq!(world.core.verify("t", me, "a", 0), Ok(()));
    assert_eq!(world.core.verify("t", me, "a", 2), Err(ErrorCode::TRANSACTION_ABORTABLE));
    assert_eq!(world.core.verify("t", me, "b", 0), Err(ErrorCode::TRANSACTION_ABORTABLE));
    assert_eq!(world.core.verify("t", producer(7, 1), "a", 0), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(world.core.verify("u", me, "a", 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    world.end(me, true, V1);
    assert_eq!(world.core.verify("t", me, "a", 0), Err(ErrorCode::TRANSACTION_ABORTABLE));
}

#[test]
fn records_are_those_of_kafka() {
    let value = Value {
        producer: producer(0x0102, 3),
        previous_id: -1,
        previous_epoch: -1,
        next_id: -1,
        timeout_ms: 60_000,
        state: State::Ongoing,
        partitions: Partitions::from([("a".to_owned(), BTreeSet::from([1]))]),
        started_ms: 5,
        updated_ms: 6,
        client_version: 0,
    };
    let bytes = value.encode();
    let expected: Vec<u8> = [
        &[0, 0][..],
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[0, 3],
        &60_000_i32.to_be_bytes(),
        &[1],
        &[0, 0, 0, 1, 0, 1, b'a', 0, 0, 0, 1, 0, 0, 0, 1],
        &6_i64.to_be_bytes(),
        &5_i64.to_be_bytes(),
    ]
    .concat();
    assert_eq!(bytes, expected);
    assert_eq!(Value::decode(&bytes), Ok(value.clone()));
    let second = Value { client_version: 2, previous_id: 4, next_id: 9, ..value };
    assert_eq!(Value::decode(&second.encode()), Ok(second));
    for end in 0..bytes.len() {
        assert!(Value::decode(&bytes.slice(..end)).is_err(), "cut at {end}");
    }
    assert_eq!(record::read_key(&record::key("t")), Ok(Some("t".to_owned())));
}

#[test]
fn no_client_goes_on_from_the_epoch_that_only_fences() {
    let mut world = World::new();
    let producer = world.init();
    let fenced = Producer { epoch: i16::MAX, ..producer };
    for state in [State::CompleteAbort, State::Ongoing] {
        let value = world.core.find(0, "t").expect("it was made").value.clone();
        let value = Value { producer: fenced, state, client_version: 2, ..value };
        world.log.push((record::key("t"), Some(value.encode())));
        world.fail_over(1);
        let answer = world.end_with(fenced, false, ClientVersion::V2, Some(8));
        assert!(matches!(answer, Some(Answer::End(Err(ErrorCode::PRODUCER_FENCED)))), "{answer:?}");
    }
}
