use super::*;
use kafka_wire::message::join_group::JoinGroupResponseMember;

/// A conversation: inputs on the left, what they led to on the right.
struct Talk {
    membership: Membership,
    now: Moment,
}

impl Talk {
    fn new() -> Talk {
        let options = MemberOptions::new("g", BTreeSet::from(["t".to_owned()]));
        Talk { membership: Membership::new(options), now: Moment::at_ms(1_000) }
    }

    fn step(&mut self, input: Input, expect: &str) {
        let mut effects = Vec::new();
        self.membership.step(self.now, input, &mut effects);
        let words: Vec<String> = effects.iter().map(word).collect();
        assert_eq!(words.join(" "), expect);
    }

    fn pass(&mut self, span: Span, expect: &str) {
        self.now += span;
        self.step(Input::Woken, expect);
    }

    /// As far as a stable leader of a topic of three partitions.
    fn stable() -> Talk {
        let mut talk = Talk::new();
        talk.step(Input::Woken, "find");
        talk.step(Input::CoordinatorFound, "join()");
        talk.step(Input::Joined(refused("m", ErrorCode::MEMBER_ID_REQUIRED)), "join(m)");
        talk.step(Input::Joined(joined(1, "m", "m", &["m"])), "count(t)");
        talk.step(Input::Counted([("t".to_owned(), 3)].into()), "sync(m:t-0,t-1,t-2)");
        talk.step(Input::Synced(synced(&[0, 1, 2])), "assigned(t-0,t-1,t-2)");
        talk
    }
}

fn list(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::FindCoordinator => "find".to_owned(),
        Effect::Join(request) => format!("join({})", request.member_id),
        Effect::Sync(request) => {
            let given = request.assignments.iter().map(|given| {
                let partitions = assignor::assigned(given.assignment.clone()).unwrap();
                format!("{}:{}", given.member_id, list(&partitions))
            });
            format!("sync({})", given.collect::<Vec<_>>().join(" "))
        }
        Effect::Heartbeat(request) => format!("heartbeat({}, {})", request.member_id, request.generation_id),
        Effect::Leave(request) => format!("leave({})", request.member_id),
        Effect::CountPartitions(topics) => {
            format!("count({})", topics.iter().cloned().collect::<Vec<_>>().join(","))
        }
        Effect::Assigned(partitions) => format!("assigned({})", list(partitions)),
        Effect::Revoked => "revoked".to_owned(),
        Effect::Failed(code) => format!("failed({})", code.name()),
    }
}

fn refused(member: &str, error_code: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse { error_code, member_id: member.to_owned(), ..JoinGroupResponse::default() }
}

fn joined(generation_id: i32, member: &str, leader: &str, members: &[&str]) -> JoinGroupResponse {
    let topics = BTreeSet::from(["t".to_owned()]);
    let members = members.iter().map(|member_id| JoinGroupResponseMember {
        member_id: (*member_id).to_owned(),
        metadata: assignor::subscription(&topics),
        ..JoinGroupResponseMember::default()
    });
    JoinGroupResponse {
        generation_id,
        member_id: member.to_owned(),
        leader: leader.to_owned(),
        members: members.collect(),
        ..JoinGroupResponse::default()
    }
}

fn synced(partitions: &[i32]) -> SyncGroupResponse {
    let partitions: Vec<_> = partitions.iter().map(|number| TopicPartition::new("t", *number)).collect();
    SyncGroupResponse { assignment: assignor::assignment(&partitions), ..SyncGroupResponse::default() }
}

#[test]
fn a_member_alone_leads_and_reads_everything() {
    let mut talk = Talk::stable();
    assert_eq!(talk.membership.identity(), Some(("m", 1)));
    assert_eq!(talk.membership.deadline(), Some(talk.now + HEARTBEAT_INTERVAL));
    talk.pass(Span::ms(1), "");
    talk.pass(HEARTBEAT_INTERVAL, "heartbeat(m, 1)");
    talk.pass(HEARTBEAT_INTERVAL, "");
    talk.step(Input::Heartbeaten(ErrorCode::NONE), "");
    talk.step(Input::Leave, "revoked leave(m)");
    assert_eq!(talk.membership.identity(), None);
    talk.pass(HEARTBEAT_INTERVAL, "");
}

#[test]
fn a_rebalance_lets_the_shell_commit_before_it_joins_again() {
    let mut talk = Talk::stable();
    talk.pass(HEARTBEAT_INTERVAL, "heartbeat(m, 1)");
    talk.step(Input::Heartbeaten(ErrorCode::REBALANCE_IN_PROGRESS), "revoked");
    assert_eq!(talk.membership.identity(), Some(("m", 1)), "a commit is still possible");
    talk.step(Input::Woken, "join(m)");
    talk.step(Input::Joined(joined(2, "m", "other", &[])), "sync()");
    talk.step(Input::Synced(synced(&[2])), "assigned(t-2)");
    assert_eq!(talk.membership.watched_topics(), None, "followers watch nothing");
}

#[test]
fn who_was_forgotten_comes_as_a_new_member() {
    let mut talk = Talk::stable();
    talk.pass(HEARTBEAT_INTERVAL, "heartbeat(m, 1)");
    talk.step(Input::Heartbeaten(ErrorCode::UNKNOWN_MEMBER_ID), "revoked");
    talk.step(Input::Woken, "join()");

    let mut talk = Talk::stable();
    talk.step(Input::CommitRefused(ErrorCode::ILLEGAL_GENERATION), "revoked");
    talk.step(Input::Woken, "join(m)");
}

#[test]
fn a_lost_coordinator_is_looked_for_again() {
    let mut talk = Talk::stable();
    talk.pass(HEARTBEAT_INTERVAL, "heartbeat(m, 1)");
    talk.step(Input::Heartbeaten(ErrorCode::NOT_COORDINATOR), "");
    talk.step(Input::Woken, "");
    talk.pass(RETRY_PAUSE, "find");
    talk.step(Input::CoordinatorLost, "");
    talk.pass(RETRY_PAUSE, "find");
    talk.step(Input::CoordinatorFound, "join(m)");
    talk.step(Input::Joined(refused("", ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)), "");
    talk.step(Input::Woken, "");
    talk.pass(RETRY_PAUSE, "join(m)");
}

#[test]
fn late_answers_are_dropped() {
    let mut talk = Talk::stable();
    talk.step(Input::Joined(joined(9, "m", "m", &["m"])), "");
    talk.step(Input::Synced(synced(&[0])), "");
    talk.step(Input::Heartbeaten(ErrorCode::REBALANCE_IN_PROGRESS), "");
    assert_eq!(talk.membership.identity(), Some(("m", 1)));
}

#[test]
fn new_partitions_make_the_leader_join_again() {
    let mut talk = Talk::stable();
    assert!(talk.membership.watched_topics().is_some());
    talk.step(Input::Counted([("t".to_owned(), 3)].into()), "");
    talk.step(Input::Counted([("t".to_owned(), 4)].into()), "revoked");
    talk.step(Input::Woken, "join(m)");
}

#[test]
fn what_does_not_pass_ends_the_membership() {
    for code in [ErrorCode::GROUP_AUTHORIZATION_FAILED, ErrorCode::INCONSISTENT_GROUP_PROTOCOL] {
        let mut talk = Talk::new();
        talk.step(Input::Woken, "find");
        talk.step(Input::CoordinatorFound, "join()");
        talk.step(Input::Joined(refused("", code)), &format!("failed({})", code.name()));
        talk.pass(REBALANCE_TIMEOUT, "");
        assert_eq!(talk.membership.deadline(), None);
    }
    let mut talk = Talk::stable();
    talk.step(Input::CommitRefused(ErrorCode::FENCED_INSTANCE_ID), "revoked failed(FENCED_INSTANCE_ID)");
}

#[test]
fn a_member_that_sends_nonsense_gets_nothing() {
    let mut talk = Talk::new();
    talk.step(Input::Woken, "find");
    talk.step(Input::CoordinatorFound, "join()");
    let mut response = joined(1, "m", "m", &["m", "x"]);
    response.members[1].metadata = bytes::Bytes::from_static(b"?");
    talk.step(Input::Joined(response), "count(t)");
    talk.step(Input::Counted([("t".to_owned(), 2)].into()), "sync(m:t-0,t-1 x:)");
}

#[test]
fn a_static_member_does_not_leave() {
    let mut options = MemberOptions::new("g", BTreeSet::new());
    options.instance = Some("i".to_owned());
    let mut membership = Membership::new(options);
    let mut effects = Vec::new();
    membership.step(Moment::default(), Input::Leave, &mut effects);
    assert_eq!(effects, []);
}
