//! Whole ensembles in a simulated world, from one seed: three or five voting members, in some worlds an
//! observer, with clients that wander between them.
//!
//! Members are killed and frozen, lose power and what was not synced, their disks fail, links between
//! them are cut one way or both, stall and break. What must hold whatever happens: one leader an epoch;
//! one history, of which every member has delivered a prefix; nothing that a client was told of is ever
//! lost or changed; equal trees at equal zxids; a session never sees time go back; what is acknowledged
//! is on the disk; and when the trouble is over, everybody is served.

mod links;
mod process;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use clock::{Moment, Now, Span, WallTime};
use disk::{Fault, Loss, MemoryDisk};
use keeper::{ConnectionId, Effect, Entry, Input, LinkId};
use keeper_client::{Effect as ClientEffect, Input as ClientInput};
use zab::Flaw;
use zab::packet::PacketKind;
use zookeeper_wire::Zxid;

use self::links::{End, Item, Link, Network};
use self::process::{Process, membership, rebuilt};
use crate::client::Client;
use crate::limits::{CLIENTS, ENSEMBLE_PEACE, ENSEMBLE_TROUBLE, SILENCE};
use crate::model::Model;
use crate::observer::Heard;
use crate::story::{Outcome, Story, Violation};

/// The members' tick.
const TICK: Span = Span::ms(500);

/// Runs the ensemble of `seed` to its end, or to the first violation. `flaw` is a defect planted in every
/// member.
pub fn run_ensemble(seed: u64, flaw: Option<Flaw>) -> Outcome {
    let mut world = World::new(seed, flaw);
    let violation = world.live().err();
    Outcome {
        seed,
        digest: world.story.digest(),
        lines: world.story.lines(),
        transactions: world.transactions,
        crashes: world.crashes,
        records: 0,
        violation: violation.map(|violation| (violation, world.story.end())),
    }
}

/// What is going to happen.
enum Event {
    Start(usize),
    /// The log thread of this life of a member is done with a group.
    Worked(usize, u64),
    SnapshotWritten(usize, u64),
    /// The newest vote of one reaches another.
    Vote(usize, usize),
    /// A dial of this life of a member arrives.
    Dialed(usize, u64, usize),
    /// The first item on its way to this end arrives.
    Arrives(u64, usize),
    Think(usize),
    /// A client's connection reaches its server, and is known to the client.
    Knock(u64),
    Opened(u64),
    ToServer(u64, Bytes),
    ToClient(u64, Bytes),
    CutServer(u64),
    CutClient(u64),
    Mishap,
}

struct Member {
    disk: MemoryDisk,
    process: Option<Process>,
    life: u64,
    frozen_until: Moment,
}

/// A client's connection.
struct Wire {
    client: usize,
    member: usize,
    life: u64,
    to_server: Moment,
    to_client: Moment,
    held: Option<VecDeque<Bytes>>,
}

struct World {
    chance: fastrand::Rng,
    flaw: Option<Flaw>,
    now: Moment,
    events: BTreeMap<(Moment, u64), Event>,
    next_event: u64,
    voters: i64,
    members: Vec<Member>,
    network: Network,
    clients: Vec<Client>,
    wires: BTreeMap<u64, Wire>,
    next_wire: u64,
    /// The history that is committed, in its order.
    committed: BTreeMap<Zxid, Bytes>,
    digests: BTreeMap<Zxid, u64>,
    leaders: BTreeMap<u32, usize>,
    model: Model,
    trouble: bool,
    silent: bool,
    transactions: u64,
    crashes: u64,
    story: Story,
}

macro_rules! tell {
    ($world:expr, $($arguments:tt)*) => { $world.story.tell($world.now, format_args!($($arguments)*)) };
}

impl World {
    fn new(seed: u64, flaw: Option<Flaw>) -> World {
        let mut chance = fastrand::Rng::with_seed(seed);
        let clients: Vec<_> = (0..chance.usize(CLIENTS)).map(|_| Client::new(chance.u64(..))).collect();
        let voters = if chance.u8(0..4) == 0 { 5 } else { 3 };
        let members = voters as usize + usize::from(chance.u8(0..3) == 0);
        let member =
            |_| Member { disk: MemoryDisk::new(), process: None, life: 0, frozen_until: Moment::at_ms(0) };
        World {
            flaw,
            now: Moment::at_ms(0),
            events: BTreeMap::new(),
            next_event: 0,
            voters,
            members: (0..members).map(member).collect(),
            network: Network::default(),
            clients,
            wires: BTreeMap::new(),
            next_wire: 0,
            committed: BTreeMap::new(),
            digests: BTreeMap::new(),
            leaders: BTreeMap::new(),
            model: Model::default(),
            trouble: true,
            silent: false,
            transactions: 0,
            crashes: 0,
            story: Story::new(),
            chance,
        }
    }

    /// Trouble, then peace, in which everybody must find back, then silence, in which all sessions end.
    fn live(&mut self) -> Result<(), Violation> {
        for member in 0..self.members.len() {
            let span = Span::ms(self.chance.u64(0..3000));
            self.soon(span, Event::Start(member));
        }
        for client in 0..self.clients.len() {
            self.soon(Span::ms(10), Event::Think(client));
        }
        self.soon(Span::seconds(4), Event::Mishap);
        self.until(self.now + ENSEMBLE_TROUBLE)?;
        tell!(self, "peace");
        self.trouble = false;
        self.network.cuts.clear();
        for member in 0..self.members.len() {
            self.members[member].disk.heal();
            if self.members[member].process.is_none() {
                self.soon(Span::ms(1), Event::Start(member));
            }
        }
        self.until(self.now + ENSEMBLE_PEACE)?;
        if let Some(client) = self.clients.iter().position(|client| !client.is_connected()) {
            return Err(Violation(format!("client {client} does not find back although nothing is wrong")));
        }
        tell!(self, "silence");
        self.silent = true;
        self.until(self.now + SILENCE)?;
        let left = self.model.sessions();
        if !left.is_empty() {
            return Err(Violation(format!("nobody is there and sessions {left:?} live")));
        }
        let last = self.last_committed();
        for (at, member) in self.members.iter().enumerate() {
            let serves = member.process.as_ref().is_some_and(|process| process.keeper.serves());
            let applied = member.process.as_ref().map(|process| process.keeper.database().last_applied());
            if !serves || applied != Some(last) {
                return Err(Violation(format!("{} is at {applied:?} and not at {last}", at + 1)));
            }
        }
        Ok(())
    }

    fn last_committed(&self) -> Zxid {
        self.committed.last_key_value().map_or(Zxid::ZERO, |(zxid, _)| *zxid)
    }

    /// Lets time pass.
    fn until(&mut self, end: Moment) -> Result<(), Violation> {
        loop {
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let (member, member_at) = self.next_member();
            let (client, client_at) = if self.silent { (0, None) } else { self.next_client() };
            let next = [event, member_at, client_at].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(next);
            if event.is_some_and(|at| at <= next) {
                let (_, event) = self.events.pop_first().expect("just seen");
                self.happen(event)?;
            } else if member_at.is_some_and(|at| at <= next) {
                self.step(member, Input::Woken)?;
            } else {
                self.client_step(client, ClientInput::Woken)?;
            }
        }
    }

    fn next_member(&self) -> (usize, Option<Moment>) {
        let deadlines = self.members.iter().enumerate().filter_map(|(at, member)| {
            Some((member.process.as_ref()?.keeper.deadline()?.max(member.frozen_until), at))
        });
        deadlines.min().map_or((0, None), |(moment, at)| (at, Some(moment)))
    }

    fn next_client(&self) -> (usize, Option<Moment>) {
        let deadlines = self.clients.iter().enumerate().filter_map(|(i, c)| Some((c.deadline()?, i)));
        deadlines.min().map_or((0, None), |(at, client)| (client, Some(at)))
    }

    fn soon(&mut self, span: Span, event: Event) {
        self.at(self.now + span, event);
    }

    fn at(&mut self, moment: Moment, event: Event) {
        self.next_event += 1;
        self.events.insert((moment, self.next_event), event);
    }

    fn clocks(&self) -> Now {
        const BEGINNING_MS: i64 = 1_700_000_000_000;
        Now { moment: self.now, wall: WallTime::at_ms(BEGINNING_MS + self.now.as_ms() as i64) }
    }

    /// Whom an event needs awake.
    fn needs(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Worked(member, _) | Event::SnapshotWritten(member, _) | Event::Vote(_, member) => {
                Some(*member)
            }
            Event::Dialed(_, _, member) => Some(*member),
            Event::Arrives(link, end) => self.network.links.get(link).map(|link| link.ends[*end].member),
            Event::Knock(wire) | Event::ToServer(wire, _) | Event::CutServer(wire) => {
                self.wires.get(wire).map(|wire| wire.member)
            }
            _ => None,
        }
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        if let Some(member) = self.needs(&event)
            && self.now < self.members[member].frozen_until
        {
            let thaw = self.members[member].frozen_until;
            self.at(thaw, event);
            return Ok(());
        }
        match event {
            Event::Start(member) => self.start(member),
            Event::Worked(member, life) => self.worked(member, life),
            Event::SnapshotWritten(member, life) => {
                let Some(process) = self.alive(member, life) else { return Ok(()) };
                let Some(zxid) = process.snapshot_written() else { return Ok(()) };
                self.step(member, Input::SnapshotWritten { zxid })
            }
            Event::Vote(from, to) => self.vote(from, to),
            Event::Dialed(from, life, to) => self.dialed(from, life, to),
            Event::Arrives(link, end) => self.arrives(link, end),
            Event::Think(client) => self.think(client),
            Event::Knock(wire) => self.knock(wire),
            Event::Opened(wire) => self.opened(wire),
            Event::ToServer(wire, frame) => self.reaches_server(wire, frame),
            Event::ToClient(wire, frame) => self.reaches_client(wire, frame),
            Event::CutServer(wire) => self.cut_server(wire),
            Event::CutClient(wire) => self.cut_client(wire),
            Event::Mishap => self.mishap(),
        }
    }

    // Members.

    fn alive(&mut self, member: usize, life: u64) -> Option<&mut Process> {
        let member = &mut self.members[member];
        member.process.as_mut().filter(|_| member.life == life)
    }

    fn start(&mut self, at: usize) -> Result<(), Violation> {
        if self.members[at].process.is_some() {
            return Ok(());
        }
        let (now, seed) = (self.clocks(), self.chance.u64(..));
        let ensemble = membership(at as i64 + 1, self.voters);
        let member = &mut self.members[at];
        member.disk.heal();
        member.life += 1;
        let process = Process::start(&member.disk, ensemble, now, seed, self.flaw)
            .map_err(|Violation(why)| Violation(format!("server {}: {why}", at + 1)))?;
        let last = process.keeper.database().last_applied();
        member.process = Some(process);
        tell!(self, "server {} starts with {last}", at + 1);
        // Whoever has something to say to it says it on the new connection.
        for from in 0..self.members.len() {
            if self.network.votes.contains_key(&(from, at)) {
                self.send_vote(from, at);
            }
        }
        self.step(at, Input::Woken)
    }

    fn die(&mut self, at: usize, loss: Loss, why: &str) {
        let silent = loss != Loss::Nothing && self.chance.u8(0..3) == 0;
        let member = &mut self.members[at];
        if member.process.take().is_none() {
            return;
        }
        member.disk = member.disk.crash(loss);
        let life = member.life;
        self.crashes += 1;
        tell!(self, "server {} dies: {why}", at + 1);
        self.network.votes.retain(|(from, _), _| *from != at);
        let links: Vec<(u64, usize)> = (self.network.links.iter())
            .filter_map(|(&id, link)| Some((id, link.side_of(at, life)?)))
            .collect();
        for (id, side) in links {
            self.network.links.get_mut(&id).expect("just seen").ends[side].open = false;
            if !silent {
                self.put(id, 1 - side, Item::End);
            }
        }
        let wires: Vec<u64> = (self.wires.iter())
            .filter(|(_, wire)| wire.member == at && wire.life == life)
            .map(|(&id, _)| id)
            .collect();
        for id in wires {
            let moment = self.travel_to_client(id);
            self.at(moment, Event::CutClient(id));
        }
        let pause = Span::ms(self.chance.u64(50..8000));
        self.soon(pause, Event::Start(at));
    }

    /// Steps a member, checks what it did, and lets it have its way.
    fn step(&mut self, at: usize, input: Input) -> Result<(), Violation> {
        let now = self.clocks();
        let Some(process) = self.members[at].process.as_mut() else { return Ok(()) };
        let before = process.keeper.database().last_applied();
        let replaced = matches!(input, Input::SnapshotInstalled | Input::Truncated { .. });
        let mut effects = Vec::new();
        let snapshot = process.step(now, input, &mut effects);
        self.check(at, if replaced { None } else { Some(before) })
            .map_err(|Violation(why)| Violation(format!("server {}: {why}", at + 1)))?;
        let life = self.members[at].life;
        if snapshot {
            let span = Span::ms(self.chance.u64(1..400));
            self.soon(span, Event::SnapshotWritten(at, life));
        }
        self.begin_work(at);
        for effect in effects {
            self.run(at, effect)?;
        }
        Ok(())
    }

    fn begin_work(&mut self, at: usize) {
        let life = self.members[at].life;
        let Some(process) = self.members[at].process.as_mut() else { return };
        if process.busy || !process.has_work() {
            return;
        }
        process.busy = true;
        let span = match self.chance.u8(0..60) {
            0 => self.chance.u64(50..1500),
            1..=20 => self.chance.u64(3..25),
            _ => self.chance.u64(0..4),
        };
        self.soon(Span::ms(span), Event::Worked(at, life));
    }

    fn worked(&mut self, at: usize, life: u64) -> Result<(), Violation> {
        let most = self.chance.usize(1..40);
        let Some(process) = self.alive(at, life) else { return Ok(()) };
        process.busy = false;
        match process.work(most) {
            Ok(heard) => heard.into_iter().try_for_each(|input| self.step(at, input))?,
            Err(why) => {
                if !self.trouble {
                    return Err(Violation(format!("server {}: {why}", at + 1)));
                }
                // A failed disk ends the process: an fsync is never retried.
                tell!(self, "server {}: {why}", at + 1);
                self.die(at, Loss::Unsynced, "its disk failed");
            }
        }
        self.begin_work(at);
        Ok(())
    }

    /// What must hold after each step of a member. `before` is what it had applied before, unless its
    /// state was replaced.
    fn check(&mut self, at: usize, before: Option<Zxid>) -> Result<(), Violation> {
        let process = self.members[at].process.as_mut().expect("it has just done something");
        let (applied, digest) = {
            let database = process.keeper.database();
            (database.last_applied(), database.tree().digest())
        };
        let serves = process.keeper.serves();
        let began = serves && !process.served;
        process.served = serves;
        if process.keeper.digest_mismatches() > 0 {
            return Err(Violation("its tree is not what the leader said that it would be".into()));
        }
        let from = if began { Some(process.base) } else { before.filter(|before| *before < applied) };
        if let Some(from) = from {
            let delivered: Vec<Entry> = (process.log.range(Zxid(from.0 + 1)..))
                .take_while(|(zxid, _)| **zxid <= applied)
                .map(|(_, entry)| entry.clone())
                .collect();
            self.committed(from, applied, &delivered)?;
        }
        if (serves || before != Some(applied)) && self.last_committed() >= applied {
            let expected = *self.digests.entry(applied).or_insert(digest);
            if serves && expected != digest {
                return Err(Violation(format!("its tree at {applied} is not that of others")));
            }
        }
        let process = self.members[at].process.as_ref().expect("still there");
        let (accepted, current) = process.keeper.peer().epochs();
        if began {
            let mode = process.keeper.mode();
            tell!(self, "server {} serves as {mode} in epoch {current}, at {applied}", at + 1);
            if mode == "leader" {
                if *self.leaders.entry(current).or_insert(at) != at {
                    return Err(Violation(format!("epoch {current} has two leaders")));
                }
                if applied < self.last_committed() {
                    let last = self.last_committed();
                    return Err(Violation(format!("it leads from {applied}, and {last} is committed")));
                }
            }
        }
        if accepted < current {
            return Err(Violation(format!("it is in epoch {current} and accepted {accepted}")));
        }
        Ok(())
    }

    /// A member delivered these, and what was between: they are the history, or continue it.
    fn committed(&mut self, from: Zxid, applied: Zxid, delivered: &[Entry]) -> Result<(), Violation> {
        let known: Vec<Zxid> =
            self.committed.range(Zxid(from.0 + 1)..=applied.max(Zxid(from.0 + 1))).map(|(z, _)| *z).collect();
        for zxid in known {
            if zxid <= applied && !delivered.iter().any(|entry| entry.zxid == zxid) {
                return Err(Violation(format!("it passed over {zxid}, which is committed")));
            }
        }
        for entry in delivered {
            match self.committed.get(&entry.zxid) {
                Some(payload) if *payload == entry.payload => {}
                Some(_) => return Err(Violation(format!("it has another transaction {}", entry.zxid))),
                None if entry.zxid > self.last_committed() => {
                    self.model.propose(entry)?;
                    self.committed.insert(entry.zxid, entry.payload.clone());
                    self.transactions += 1;
                }
                None => {
                    let last = self.last_committed();
                    return Err(Violation(format!("it delivers {}, after {last} and not of it", entry.zxid)));
                }
            }
        }
        Ok(())
    }

    fn run(&mut self, at: usize, effect: Effect) -> Result<(), Violation> {
        match effect {
            Effect::Notify { to, notification } => {
                let to = to.0 as usize - 1;
                self.network.votes.insert((at, to), notification);
                self.send_vote(at, to);
                if self.chance.u8(0..20) == 0 {
                    self.send_vote(at, to);
                }
            }
            Effect::Dial { server } => {
                let (life, delay) = (self.members[at].life, self.delay());
                self.soon(delay, Event::Dialed(at, life, server.0 as usize - 1));
            }
            Effect::SendPacket { link: LinkId(id), packet } => {
                if packet.kind == PacketKind::ACK {
                    self.check_ack(at, packet.zxid)?;
                }
                let life = self.members[at].life;
                let Some(link) = self.network.links.get_mut(&id) else { return Ok(()) };
                let Some(side) = link.side_of(at, life) else { return Ok(()) };
                link.check(&packet)?;
                self.put(id, 1 - side, Item::Packet(packet));
            }
            Effect::SendSnapshot { link: LinkId(id), snapshot } => {
                let life = self.members[at].life;
                let side = self.network.links.get(&id).and_then(|link| link.side_of(at, life));
                if let Some(side) = side {
                    self.put(id, 1 - side, Item::Snapshot(snapshot));
                }
            }
            Effect::CloseLink { link: LinkId(id) } => {
                let life = self.members[at].life;
                let Some(link) = self.network.links.get_mut(&id) else { return Ok(()) };
                let Some(side) = link.side_of(at, life) else { return Ok(()) };
                link.ends[side].open = false;
                self.put(id, 1 - side, Item::End);
            }
            Effect::Halt { reason } => return Err(Violation(format!("server {} halts: {reason}", at + 1))),
            Effect::Send { connection: ConnectionId(wire), frame } => {
                let moment = self.travel_to_client(wire);
                self.at(moment, Event::ToClient(wire, frame));
            }
            Effect::Close { connection: ConnectionId(wire) } => {
                let moment = self.travel_to_client(wire);
                self.at(moment, Event::CutClient(wire));
                self.soon(Span::ZERO, Event::CutServer(wire));
            }
            Effect::Pause { connection: ConnectionId(wire) } => {
                if let Some(wire) = self.wires.get_mut(&wire) {
                    wire.held.get_or_insert_default();
                }
            }
            Effect::Resume { connection: ConnectionId(id) } => {
                let held = self.wires.get_mut(&id).and_then(|wire| wire.held.take());
                for frame in held.into_iter().flatten() {
                    self.soon(Span::ZERO, Event::ToServer(id, frame));
                }
            }
            // A line in a log that nobody reads here.
            Effect::Complain { .. } => {}
            Effect::SendText { .. }
            | Effect::Persist { .. }
            | Effect::WriteSnapshot { .. }
            | Effect::WriteEpochs { .. }
            | Effect::Truncate { .. }
            | Effect::InstallSnapshot { .. } => unreachable!("the process took these"),
        }
        Ok(())
    }

    /// What is acknowledged is on the disk.
    fn check_ack(&self, at: usize, zxid: Zxid) -> Result<(), Violation> {
        let process = self.members[at].process.as_ref().expect("it has just spoken");
        let fine = if zxid.counter() == 0 {
            // That of `UPTODATE` says nothing new, and what it lets in is being written.
            process.served || (process.current_epoch() == Some(zxid.epoch()) && process.is_written())
        } else {
            zxid <= process.durable
        };
        if fine || self.flaw.is_some() {
            return Ok(());
        }
        Err(Violation(format!("server {} acknowledges {zxid} before it is durable", at + 1)))
    }

    // The network between them.

    fn delay(&mut self) -> Span {
        Span::ms(match self.chance.u8(0..40) {
            0 => self.chance.u64(20..300),
            _ => self.chance.u64(0..5),
        })
    }

    /// Sends something to this end of a link, behind what was sent before.
    fn put(&mut self, id: u64, end: usize, item: Item) {
        let arrival = self.now + self.delay();
        let Some(link) = self.network.links.get_mut(&id) else { return };
        link.queues[end].push_back(item);
        link.arrivals[end] = link.arrivals[end].max(arrival);
        let arrival = link.arrivals[end];
        self.at(arrival, Event::Arrives(id, end));
    }

    fn send_vote(&mut self, from: usize, to: usize) {
        let delay = self.delay();
        self.soon(delay, Event::Vote(from, to));
    }

    fn vote(&mut self, from: usize, to: usize) -> Result<(), Violation> {
        let Some(notification) = self.network.votes.get(&(from, to)).cloned() else { return Ok(()) };
        if self.members[to].process.is_none() {
            return Ok(());
        }
        if self.network.is_cut(from, to) {
            self.soon(Span::ms(200), Event::Vote(from, to));
            return Ok(());
        }
        self.step(to, Input::Notified { from: keeper::ServerId(from as i64 + 1), notification })
    }

    fn dialed(&mut self, from: usize, life: u64, to: usize) -> Result<(), Violation> {
        if self.alive(from, life).is_none() {
            return Ok(());
        }
        let cut = self.network.is_cut(from, to) || self.network.is_cut(to, from);
        if cut || self.members[to].process.is_none() || from == to {
            return self.step(from, Input::DialFailed { server: keeper::ServerId(to as i64 + 1) });
        }
        self.network.next_link += 1;
        let id = self.network.next_link;
        let dialer = End { member: from, life, open: true };
        let acceptor = End { member: to, life: self.members[to].life, open: true };
        self.network.links.insert(id, Link::new(dialer, acceptor, self.now));
        self.step(to, Input::LinkUp { link: LinkId(id), dialed: None })?;
        self.step(from, Input::LinkUp { link: LinkId(id), dialed: Some(keeper::ServerId(to as i64 + 1)) })
    }

    fn arrives(&mut self, id: u64, end: usize) -> Result<(), Violation> {
        let Some(link) = self.network.links.get_mut(&id) else { return Ok(()) };
        let (here, there) = (link.ends[end], link.ends[1 - end]);
        if self.network.cuts.contains(&(there.member, here.member)) {
            self.soon(Span::ms(100), Event::Arrives(id, end));
            return Ok(());
        }
        let Some(item) = link.queues[end].pop_front() else { return Ok(()) };
        if !here.open || self.members[here.member].life != here.life {
            return Ok(());
        }
        let link = LinkId(id);
        match item {
            Item::Packet(packet) => self.step(here.member, Input::Packet { link, packet }),
            Item::Snapshot(snapshot) => {
                let database = Box::new(rebuilt(&snapshot, self.chance.u64(..))?);
                self.step(here.member, Input::SnapshotReceived { link, database })
            }
            Item::End => {
                self.network.links.get_mut(&id).expect("just seen").ends[end].open = false;
                self.step(here.member, Input::LinkDown { link })
            }
        }
    }

    /// Both ends learn that a link is broken.
    fn reset(&mut self, id: u64) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        for queue in &mut link.queues {
            queue.clear();
        }
        self.put(id, 0, Item::End);
        self.put(id, 1, Item::End);
    }

    // Clients.

    fn think(&mut self, client: usize) -> Result<(), Violation> {
        if self.silent {
            return Ok(());
        }
        let (input, pause) = self.clients[client].think(self.trouble);
        self.soon(pause, Event::Think(client));
        match input {
            Some(input) => self.client_step(client, input),
            None => Ok(()),
        }
    }

    fn client_step(&mut self, client: usize, input: ClientInput) -> Result<(), Violation> {
        let mut effects = Vec::new();
        let now = self.clocks();
        self.clients[client].step(now, input, &mut effects);
        for effect in effects {
            match effect {
                ClientEffect::Dial(_) => self.dial(client),
                ClientEffect::Send(frame) => {
                    let Some(wire) = self.clients[client].link else { continue };
                    self.clients[client].observer.sent(&frame);
                    let moment = self.travel_to_server(wire);
                    self.at(moment, Event::ToServer(wire, frame));
                }
                ClientEffect::Hangup => {
                    let Some(wire) = self.clients[client].link.take() else { continue };
                    let moment = self.travel_to_server(wire);
                    self.at(moment, Event::CutServer(wire));
                }
                ClientEffect::Event(_) | ClientEffect::Answer { .. } => {}
            }
        }
        Ok(())
    }

    fn dial(&mut self, client: usize) {
        self.next_wire += 1;
        let (id, now) = (self.next_wire, self.now);
        let member = self.chance.usize(0..self.members.len());
        let wire = Wire { client, member, life: 0, to_server: now, to_client: now, held: None };
        self.wires.insert(id, wire);
        self.clients[client].link = Some(id);
        self.clients[client].observer.connected();
        let moment = self.travel_to_server(id);
        self.at(moment, Event::Knock(id));
    }

    fn knock(&mut self, id: u64) -> Result<(), Violation> {
        let Some(wire) = self.wires.get_mut(&id) else { return Ok(()) };
        let member = wire.member;
        wire.life = self.members[member].life;
        let moment = self.travel_to_client(id);
        if self.members[member].process.is_none() {
            self.at(moment, Event::CutClient(id));
            return Ok(());
        }
        self.at(moment, Event::Opened(id));
        let peer = ([10, 0, 0, 1], 5000).into();
        self.step(member, Input::Opened { connection: ConnectionId(id), peer })
    }

    fn opened(&mut self, id: u64) -> Result<(), Violation> {
        match self.whose(id) {
            Some(client) => self.client_step(client, ClientInput::Linked),
            None => Ok(()),
        }
    }

    /// The client of a connection, if it still uses it.
    fn whose(&self, id: u64) -> Option<usize> {
        let client = self.wires.get(&id)?.client;
        (self.clients[client].link == Some(id) && !self.silent).then_some(client)
    }

    fn reaches_server(&mut self, id: u64, frame: Bytes) -> Result<(), Violation> {
        let Some(wire) = self.wires.get_mut(&id) else { return Ok(()) };
        if let Some(held) = &mut wire.held {
            held.push_back(frame);
            return Ok(());
        }
        let (member, life) = (wire.member, wire.life);
        if self.alive(member, life).is_none() {
            return Ok(());
        }
        self.step(member, Input::Received { connection: ConnectionId(id), frame })
    }

    fn reaches_client(&mut self, id: u64, frame: Bytes) -> Result<(), Violation> {
        let Some(client) = self.whose(id) else { return Ok(()) };
        let heard = self.clients[client].observer.received(&frame, &self.model);
        let server = self.wires[&id].member + 1;
        match heard
            .map_err(|Violation(why)| Violation(format!("client {client} at server {server}: {why}")))?
        {
            Heard::Greeted => {
                let session = self.clients[client].observer.session;
                tell!(self, "client {client} has session {session} at server {server}");
            }
            Heard::Expired => tell!(self, "client {client} lost its session"),
            Heard::Answer { request, zxid, error } => {
                tell!(self, "client {client} {}: {} at {zxid}", request.op().name(), error.name());
            }
            Heard::Event(_) | Heard::Nothing => {}
        }
        self.client_step(client, ClientInput::Frame(frame))
    }

    fn cut_server(&mut self, id: u64) -> Result<(), Violation> {
        let Some(wire) = self.wires.get(&id) else { return Ok(()) };
        let (member, life) = (wire.member, wire.life);
        if self.alive(member, life).is_none() {
            return Ok(());
        }
        self.step(member, Input::Closed { connection: ConnectionId(id) })
    }

    fn cut_client(&mut self, id: u64) -> Result<(), Violation> {
        let Some(client) = self.whose(id) else { return Ok(()) };
        self.clients[client].link = None;
        self.client_step(client, ClientInput::Unlinked)
    }

    fn travel_to_server(&mut self, id: u64) -> Moment {
        let arrival = self.now + self.delay();
        let Some(wire) = self.wires.get_mut(&id) else { return arrival };
        wire.to_server = wire.to_server.max(arrival);
        wire.to_server
    }

    fn travel_to_client(&mut self, id: u64) -> Moment {
        let arrival = self.now + self.delay();
        let Some(wire) = self.wires.get_mut(&id) else { return arrival };
        wire.to_client = wire.to_client.max(arrival);
        wire.to_client
    }

    // Mishaps.

    fn mishap(&mut self) -> Result<(), Violation> {
        if !self.trouble {
            return Ok(());
        }
        let pause = Span::ms(self.chance.u64(100..5000));
        self.soon(pause, Event::Mishap);
        let at = self.victim();
        match self.chance.u8(0..20) {
            0..=2 => self.die(at, Loss::Nothing, "killed"),
            3..=5 => self.die(at, Loss::Unsynced, "no power"),
            6 => {
                for at in 0..self.members.len() {
                    self.die(at, Loss::Unsynced, "no power anywhere");
                }
            }
            7 => {
                // Most of them, a moment apart.
                for at in 0..self.members.len() {
                    if self.chance.u8(0..3) > 0 {
                        self.die(at, Loss::Unsynced, "no power in most places");
                    }
                }
            }
            8..=10 => {
                let span = Span::ms(self.chance.u64(10..6000));
                tell!(self, "server {} freezes for {span}", at + 1);
                self.members[at].frozen_until = self.now + span;
            }
            11..=13 => {
                let other = self.victim();
                if at != other {
                    tell!(self, "nothing arrives from {} at {}", at + 1, other + 1);
                    self.network.cuts.insert((at, other));
                }
            }
            14 => {
                tell!(self, "server {} is alone", at + 1);
                for other in (0..self.members.len()).filter(|other| *other != at) {
                    self.network.cuts.insert((at, other));
                    self.network.cuts.insert((other, at));
                }
            }
            15..=16 => {
                tell!(self, "the network is whole");
                self.network.cuts.clear();
            }
            17 => {
                let links: Vec<u64> = self.network.links.keys().copied().collect();
                for id in links {
                    if self.chance.u8(0..3) == 0 {
                        self.reset(id);
                    }
                }
            }
            18 => {
                let many = self.chance.u64(1..4);
                self.members[at].disk.inject(Fault::FailSync { after: many });
            }
            _ => {
                let wires: Vec<u64> = self.wires.keys().copied().collect();
                if let Some(&id) = self.chance.choice(&wires) {
                    self.soon(Span::ZERO, Event::CutClient(id));
                    self.soon(Span::ZERO, Event::CutServer(id));
                }
            }
        }
        Ok(())
    }

    /// The leader oftener than others.
    fn victim(&mut self) -> usize {
        let leader = self.members.iter().position(|member| {
            member.process.as_ref().is_some_and(|process| process.keeper.mode() == "leader")
        });
        match leader {
            Some(leader) if self.chance.u8(0..3) == 0 => leader,
            _ => self.chance.usize(0..self.members.len()),
        }
    }
}

#[cfg(test)]
mod tests;
