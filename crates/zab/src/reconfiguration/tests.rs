//! Whole ensembles of peers on a network and disks that are perfect and take no time, except that a server
//! may be cut off.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clock::{Moment, Span};
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::{SetDataTxn, TxnHeader};
use zookeeper_wire::{SessionId, Xid, Zxid};

use super::*;
use crate::packet::{PacketKind, QuorumPacket};
use crate::{Effect, Ensemble, Input, LinkId, Peer, Recovered, Role};

struct Net {
    now: Moment,
    peers: BTreeMap<i64, Peer>,
    queue: VecDeque<(i64, Input)>,
    /// The other end of each link.
    links: BTreeMap<LinkId, (i64, LinkId)>,
    roles: BTreeMap<i64, Role>,
    delivered: BTreeMap<i64, Vec<Zxid>>,
    foreseen: BTreeMap<i64, i64>,
    /// Their disks answer nothing.
    stuck: BTreeSet<i64>,
    sent: Vec<PacketKind>,
}

impl Net {
    /// Servers that all know `text`.
    fn new(ids: impl IntoIterator<Item = i64>, text: &str) -> Net {
        let mut net = Net {
            now: Moment::at_ms(0),
            peers: BTreeMap::new(),
            queue: VecDeque::new(),
            links: BTreeMap::new(),
            roles: BTreeMap::new(),
            delivered: BTreeMap::new(),
            foreseen: BTreeMap::new(),
            stuck: BTreeSet::new(),
            sent: Vec::new(),
        };
        for id in ids {
            net.add(id, text);
        }
        net
    }

    fn add(&mut self, id: i64, text: &str) {
        let ensemble = Ensemble {
            id: ServerId(id),
            configuration: Configuration::parse(text).unwrap(),
            proposed: None,
            reconfigurable: true,
            tick: Span::ms(100),
            init_limit: 10,
            sync_limit: 5,
        };
        self.peers.insert(id, Peer::member(ensemble, Recovered::default()));
        self.queue.push_back((id, Input::Woken));
    }

    fn step(&mut self, id: i64, input: Input) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let mut effects = Vec::new();
        peer.step(self.now, input, &mut effects);
        for effect in effects {
            self.run(id, effect);
        }
    }

    fn run(&mut self, id: i64, effect: Effect) {
        let mut answer = |input| self.queue.push_back((id, input));
        match effect {
            Effect::Persist { .. } if self.stuck.contains(&id) => {}
            Effect::Persist { entries } => {
                answer(Input::Persisted { upto: entries.last().unwrap().zxid });
            }
            Effect::WriteEpochs { .. } => answer(Input::EpochsWritten),
            Effect::Truncate { .. } => answer(Input::Truncated),
            Effect::InstallSnapshot { .. } => answer(Input::SnapshotInstalled),
            Effect::Deliver { entry } => {
                self.delivered.entry(id).or_default().push(entry.into_value().zxid);
            }
            Effect::Notify { to, notification } => {
                self.queue.push_back((to.0, Input::Notified { from: ServerId(id), notification }));
            }
            Effect::Dial { server } if !self.peers.contains_key(&server.0) => {
                answer(Input::DialFailed { server });
            }
            Effect::Dial { server } => {
                let number = self.links.len() as u64;
                let (near, far) = (LinkId(number), LinkId(number + 1));
                self.links.insert(near, (server.0, far));
                self.links.insert(far, (id, near));
                self.queue.push_back((server.0, Input::LinkUp { link: far, dialed: None }));
                self.queue.push_back((id, Input::LinkUp { link: near, dialed: Some(server) }));
            }
            Effect::Send { link, packet } => {
                self.sent.push(packet.kind);
                let (to, link) = self.links[&link];
                self.queue.push_back((to, Input::Received { link, packet }));
            }
            Effect::SendSnapshot { link } => {
                let (to, link) = self.links[&link];
                self.queue.push_back((to, Input::SnapshotReceived { link }));
            }
            Effect::Close { link } => {
                let (to, far) = self.links[&link];
                self.queue.push_back((to, Input::LinkDown { link: far }));
                self.queue.push_back((id, Input::LinkDown { link }));
            }
            Effect::Pass { link, packet } => {
                if packet.kind == PacketKind::PING && self.peers[&id].leader() != Some(ServerId(id)) {
                    self.run(id, Effect::Send { link, packet: QuorumPacket::bare(packet.kind, packet.zxid) });
                }
            }
            Effect::Became { role } => drop(self.roles.insert(id, role)),
            Effect::Foresee { configuration } => {
                self.foreseen.insert(id, configuration.version);
            }
            Effect::Reconfigure { configuration } => {
                assert_eq!(*self.peers[&id].configuration(), *configuration);
            }
            Effect::Halt { reason } => panic!("server {id} halts: {reason}"),
        }
    }

    /// A server is gone, and its links break.
    fn stop(&mut self, id: i64) {
        self.peers.remove(&id);
        self.roles.remove(&id);
        let down = self.links.iter().filter(|(_, (other, _))| *other == id);
        let down: Vec<LinkId> = down.map(|(link, _)| *link).collect();
        for link in down {
            // The far end of the far end is this one.
            let (_, far) = self.links[&link];
            let (to, _) = self.links[&far];
            self.queue.push_back((to, Input::LinkDown { link }));
        }
    }

    /// Lets things happen for so long.
    fn pass(&mut self, ms: u64) {
        let end = self.now + Span::ms(ms);
        loop {
            while let Some((id, input)) = self.queue.pop_front() {
                self.step(id, input);
            }
            let next = self.peers.iter().filter_map(|(id, peer)| Some((peer.deadline()?, *id))).min();
            let Some((at, id)) = next.filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.step(id, Input::Woken);
        }
        self.now = end;
    }

    fn leader(&self) -> i64 {
        let leaders: Vec<i64> = (self.roles.iter())
            .filter(|(id, role)| matches!(role, Role::Leading { .. }) && self.peers.contains_key(id))
            .map(|(id, _)| *id)
            .collect();
        let [leader] = leaders[..] else { panic!("{:?} lead", leaders) };
        leader
    }

    /// The leader proposes a membership, or some other transaction.
    fn propose(&mut self, text: Option<&str>) -> Zxid {
        let leader = self.leader();
        let zxid = self.peers[&leader].next_zxid();
        let kind = if text.is_some() { OpCode::RECONFIG } else { OpCode::SET_DATA };
        let data = text.map(|text| format!("{text}\nversion={:x}", zxid.0)).unwrap_or_default();
        let header = TxnHeader { session: SessionId(1), cxid: Xid(1), zxid, time_ms: 0, kind };
        let mut writer = Writer::new();
        writer.record(&header);
        let txn = SetDataTxn { path: "/".to_owned(), data: Some(data.into()), version: -1 };
        writer.record(&txn);
        let entry = Entry { zxid, payload: writer.finish() };
        self.step(leader, Input::Proposed { entry });
        zxid
    }

    fn has(&self, id: i64, zxid: Zxid) -> bool {
        self.delivered.get(&id).is_some_and(|all| all.contains(&zxid))
    }

    /// Whether all of `ids` serve and agree that this is the membership.
    fn assert_in_force(&self, ids: impl IntoIterator<Item = i64>, version: Zxid) {
        for id in ids {
            assert_eq!(self.peers[&id].configuration().version, version.0, "server {id}");
            assert!(!self.peers[&id].is_reconfiguring(), "server {id}");
            assert_ne!(self.roles[&id], Role::Looking, "server {id}");
        }
    }
}

fn members(ids: &[i64]) -> String {
    ids.iter().map(|id| format!("server.{id}=s{id}:1:2;5")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_leader_gives_the_membership_its_version() {
    let mut net = Net::new(1..=3, &members(&[1, 2, 3]));
    net.pass(2_000);
    assert_eq!(net.leader(), 3);
    net.assert_in_force(1..=3, Zxid::new(1, 0));
}

#[test]
fn a_newcomer_learns_the_membership_and_then_votes() {
    let mut net = Net::new(1..=3, &members(&[1, 2, 3]));
    net.pass(2_000);
    net.add(4, &members(&[1, 2, 3, 4]));
    net.pass(3_000);
    net.assert_in_force([4], Zxid::new(1, 0));
    assert!(matches!(net.roles[&4], Role::Following { .. }));
    let zxid = net.propose(Some(&members(&[1, 2, 3, 4])));
    net.pass(1_000);
    net.assert_in_force(1..=4, zxid);
    assert_eq!(net.leader(), 3);
    // Whoever comes back needs the word of all others to find the leader, that of the newcomer too.
    net.stop(2);
    net.add(2, &members(&[1, 2, 3, 4]));
    net.pass(3_000);
    assert!(matches!(net.roles[&2], Role::Following { leader: ServerId(3), .. }));
    // Three of four are a quorum, two are not.
    net.stuck.extend([1, 2]);
    let zxid = net.propose(None);
    net.pass(200);
    assert!(!net.has(3, zxid));
}

#[test]
fn what_is_proposed_meanwhile_needs_a_quorum_of_both() {
    let mut net = Net::new(1..=5, &members(&[1, 2, 3, 4, 5]));
    net.pass(2_000);
    assert_eq!(net.leader(), 5);
    // The three that stay could decide alone, were it not for the former membership, of which three do not
    // answer.
    net.stuck.extend([1, 2, 3]);
    let change = net.propose(Some(&members(&[3, 4, 5])));
    let behind = net.propose(None);
    net.pass(200);
    assert!(!net.has(5, change) && !net.has(5, behind));
    assert_eq!(net.foreseen[&1], change.0);
    let zxid = Input::Persisted { upto: behind };
    net.queue.push_back((3, zxid));
    net.stuck.remove(&3);
    net.pass(200);
    assert!(net.has(5, change) && net.has(5, behind));
    net.assert_in_force(3..=5, change);
}

#[test]
fn a_leader_that_leaves_hands_over_without_an_election() {
    let mut net = Net::new(1..=3, &members(&[1, 2, 3]));
    net.pass(2_000);
    assert_eq!(net.leader(), 3);
    net.sent.clear();
    let zxid = net.propose(Some(&members(&[1, 2])));
    net.pass(3_000);
    assert_eq!(net.leader(), 1);
    assert!(net.sent.contains(&PacketKind::COMMITANDACTIVATE));
    net.assert_in_force(1..=3, zxid);
    assert!(
        matches!(net.roles[&3], Role::Following { leader: ServerId(1), .. }),
        "it follows without a vote"
    );
    let zxid = net.propose(None);
    net.pass(100);
    assert!((1..=3).all(|id| net.has(id, zxid)));
}

#[test]
fn an_observer_becomes_a_voter_and_an_observer_again() {
    let text = format!("{}\nserver.4=s4:1:2:observer;5", members(&[1, 2, 3]));
    let mut net = Net::new(1..=4, &text);
    net.pass(2_000);
    assert!(matches!(net.roles[&4], Role::Observing { .. }));
    let zxid = net.propose(Some(&members(&[1, 2, 3, 4])));
    net.pass(2_000);
    net.assert_in_force(1..=4, zxid);
    assert!(matches!(net.roles[&4], Role::Following { .. }));
    let zxid = net.propose(Some(&text));
    net.pass(2_000);
    net.assert_in_force(1..=4, zxid);
    assert!(matches!(net.roles[&4], Role::Observing { .. }));
}

#[test]
fn the_next_leader_completes_what_was_under_way() {
    let mut net = Net::new(1..=3, &members(&[1, 2, 3]));
    net.pass(2_000);
    net.add(4, &members(&[1, 2, 3, 4]));
    net.pass(3_000);
    // It is logged by those that do not lead, and the leader dies before it hears of that.
    let zxid = net.propose(Some(&members(&[1, 2, 4])));
    while let Some((id, input)) = net.queue.pop_front() {
        if id != 3 {
            net.step(id, input);
        }
    }
    net.stop(3);
    net.pass(10_000);
    net.assert_in_force([1, 2, 4], zxid);
    assert!([1, 2, 4].iter().all(|id| net.has(*id, zxid)));
}

#[test]
fn only_a_membership_that_can_be_read_is_one() {
    let check = |text: &str, expect: bool| {
        assert_eq!(read(&Bytes::copy_from_slice(text.as_bytes())).is_some(), expect, "{text}");
    };
    check("server.1=a:1:2\nversion=1", true);
    check("server.1=a:1:2:observer\nversion=1", false);
    check("version=1", false);
    check("clientPort=1", false);
    let entry = |payload: &'static [u8]| Entry { zxid: Zxid(1), payload: Bytes::from_static(payload) };
    assert_eq!(said_by(&entry(b"short")), Said::Nothing);
    let mut header = vec![0; KIND_AT];
    header.extend(OpCode::RECONFIG.0.to_be_bytes());
    let entry = Entry { zxid: Zxid(1), payload: header.into() };
    assert_eq!(said_by(&entry), Said::Garbage);
}
