//! Plans as the operations they are made of.

use super::*;
use crate::{LeaderEpoch, znodes::LeaderRecovery};

fn show(request: &Request) -> String {
    let op = |op: &MultiOp| match op {
        MultiOp::Create(create) => {
            let flags = ["", " ephemeral", " sequential"][create.flags as usize];
            format!("create{flags} {}", create.path)
        }
        MultiOp::SetData(set) => format!("set {} if {}", set.path, set.version),
        MultiOp::Delete(delete) => format!("delete {}", delete.path),
        MultiOp::Check(check) => format!("check {} is {}", check.path, check.version),
        other => format!("{other:?}"),
    };
    match request {
        Request::Multi(ops) => ops.iter().map(op).collect::<Vec<_>>().join("\n"),
        Request::Create(create) => op(&MultiOp::Create(create.clone())),
        Request::Delete(delete) => op(&MultiOp::Delete(delete.clone())),
        other => format!("{other:?}"),
    }
}

fn check(requests: &[Request], expect: &str) {
    let shown: Vec<_> = requests.iter().map(show).collect();
    let expect: Vec<_> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(shown.join("\n---\n"), expect.join("\n"));
}

fn state(leader: i32) -> PartitionState {
    PartitionState {
        leader: BrokerId(leader),
        leader_epoch: LeaderEpoch(0),
        isr: vec![BrokerId(leader)],
        controller_epoch: ControllerEpoch(1),
        recovery: LeaderRecovery::Recovered,
    }
}

#[test]
fn an_election_takes_the_node_and_raises_the_epoch_at_once() {
    let node = crate::znodes::ControllerNode { broker: BrokerId(0), timestamp_ms: 5, kraft_epoch: -1 };
    check(
        &[elect(&node, ControllerEpoch(4), 3)],
        "create ephemeral /controller
         set /controller_epoch if 3",
    );
    check(
        &[resign(Fence(4))],
        "check /controller_epoch is 4
         delete /controller",
    );
}

#[test]
fn a_registration_is_created_empty_and_filled() {
    let registration = Registration {
        endpoints: vec![],
        rack: None,
        jmx_port: -1,
        timestamp_ms: 0,
        features: Default::default(),
    };
    check(
        &[register(BrokerId(3), &registration)],
        "create ephemeral /brokers/ids/3
         set /brokers/ids/3 if 0",
    );
}

#[test]
fn first_states_come_with_their_parents() {
    let states: Vec<_> = (0..2).map(|partition| NewState { partition, state: state(0) }).collect();
    check(
        &create_states(Fence(7), "t", &states, Parents::Missing),
        "check /controller_epoch is 7
         create /brokers/topics/t/partitions
         create /brokers/topics/t/partitions/0
         create /brokers/topics/t/partitions/0/state
         create /brokers/topics/t/partitions/1
         create /brokers/topics/t/partitions/1/state",
    );
    check(
        &create_states(Fence(7), "t", &states[1..], Parents::PartitionsOnly),
        "check /controller_epoch is 7
         create /brokers/topics/t/partitions/1
         create /brokers/topics/t/partitions/1/state",
    );
    check(
        &create_states(Fence(7), "t", &states[..1], Parents::Present),
        "check /controller_epoch is 7
         create /brokers/topics/t/partitions/0/state",
    );
    assert_eq!(create_states(Fence(7), "t", &[], Parents::Present), []);
}

#[test]
fn a_topic_is_removed_from_the_leaves_up_and_the_wish_goes_last() {
    check(
        &remove_topic(Fence(7), "t", &[0, 1], Settings::Present),
        "check /controller_epoch is 7
         check /admin/delete_topics/t is -1
         delete /brokers/topics/t/partitions/0/state
         delete /brokers/topics/t/partitions/0
         delete /brokers/topics/t/partitions/1/state
         delete /brokers/topics/t/partitions/1
         delete /brokers/topics/t/partitions
         delete /brokers/topics/t
         delete /config/topics/t
         delete /admin/delete_topics/t",
    );
}

#[test]
fn large_jobs_are_cut_and_every_piece_is_fenced() {
    let states: Vec<_> = (0..4000).map(|partition| NewState { partition, state: state(0) }).collect();
    let multis = create_states(Fence(7), "t", &states, Parents::Missing);
    assert!(multis.len() > 2);
    let mut ops_seen = 0;
    for multi in &multis {
        let Request::Multi(ops) = multi else { panic!("{multi:?}") };
        assert_eq!(ops[0], Fence(7).check());
        assert!(ops.len() <= OPS_PER_MULTI_MAX);
        let mut writer = zookeeper_wire::jute::Writer::new();
        multi.encode(&mut writer);
        assert!(writer.len() < zookeeper_wire::limits::FRAME_BYTES_MAX, "{}", writer.len());
        ops_seen += ops.len() - 1;
    }
    assert_eq!(ops_seen, 1 + 2 * 4000);
}

#[test]
fn outcomes_name_the_operation_that_failed() {
    let ok = MultiResult::Error(ErrorCode::OK);
    let after = MultiResult::Error(ErrorCode::RUNTIME_INCONSISTENCY);
    let bad = |error| MultiResult::Error(error);
    assert_eq!(fenced_outcome(&[MultiResult::Check, MultiResult::Delete]), Outcome::Done);
    assert_eq!(fenced_outcome(&[bad(ErrorCode::BAD_VERSION), after.clone()]), Outcome::Fenced);
    assert_eq!(
        fenced_outcome(&[ok.clone(), ok, bad(ErrorCode::NODE_EXISTS), after]),
        Outcome::Failed { op: 2, error: ErrorCode::NODE_EXISTS }
    );
}
