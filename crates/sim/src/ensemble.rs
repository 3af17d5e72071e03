//! Whole ensembles in a simulated world, from one seed: three or five voting members, in some worlds an
//! observer, with clients that wander between them.
//!
//! Members are killed and frozen, lose power and what was not synced, their disks fail, links between
//! them are cut one way or both, stall and break. What must hold whatever happens: one leader an epoch;
//! one history, of which every member has delivered a prefix; nothing that a client was told of is ever
//! lost or changed; equal trees at equal zxids; a session never sees time go back; what is acknowledged
//! is on the disk; and when the trouble is over, everybody is served.

macro_rules! tell {
    ($world:expr, $($arguments:tt)*) => { $world.story.tell($world.now, format_args!($($arguments)*)) };
}

mod checks;
mod clients;
mod links;
mod mishaps;
mod network;
mod process;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use clock::{Moment, Now, Span, WallTime};
use disk::{Loss, MemoryDisk};
use keeper::{ConnectionId, Effect, Input, LinkId};
use keeper_client::Input as ClientInput;
use zab::packet::PacketKind;
use zab::{Flaw, Notification};
use zookeeper_wire::Zxid;

use self::links::{Item, Network};
use self::mishaps::Strike;
use self::process::{Past, Process, membership};
use crate::client::Client;
use crate::limits::{CLIENTS, ENSEMBLE_EVENTS_MAX, ENSEMBLE_PEACE, ENSEMBLE_TROUBLE, SILENCE};
use crate::model::Model;
use crate::observer::Deposed;
use crate::story::{Outcome, Story, Violation};

/// The members' tick.
const TICK: Span = Span::ms(500);

/// What of an ensemble is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// What clients and members are told, and also what is on the disks at every moment.
    Inside,
    /// Only what clients and members are told: consequences.
    Outside,
}

/// Runs the ensemble of `seed` to its end, or to the first violation. `flaw` is a defect planted in every
/// member.
pub fn run_ensemble(seed: u64, flaw: Option<Flaw>, look: Look) -> Outcome {
    let mut world = World::new(seed, flaw, look);
    let violation = world.live().err();
    Outcome {
        simulated: world.now - Moment::at_ms(0),
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
    /// A vote that was overtaken by newer ones.
    StaleVote(usize, usize, Box<Notification>),
    /// A dial of this life of a member arrives.
    Dialed(usize, u64, usize),
    /// The first item on its way to this end arrives.
    Arrives(u64, usize),
    Think(usize),
    /// A client's connection reaches its server, and is known to the client.
    Knock(u64),
    Opened(u64),
    ToServer(u64, Bytes),
    /// A frame, and whether a newer leader than the sender's served when it was sent.
    ToClient(u64, Bytes, Deposed),
    CutServer(u64),
    CutClient(u64),
    Mishap,
    Strike(Strike),
}

struct Member {
    disk: MemoryDisk,
    process: Option<Process>,
    life: u64,
    frozen_until: Moment,
    /// Its log was durable so far when it last ran.
    durable: Zxid,
    /// What had led there.
    past: Past,
    /// How many times slower than others its disk is.
    slowness: u64,
    /// By how much its clock is wrong.
    clock_ms: i64,
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
    looks_inside: bool,
    /// Power goes at the worst moments, and disks are slow.
    cruel: bool,
    /// No strike before.
    strike_at: Moment,
    /// What happened so far, in number.
    happened: u64,
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

impl World {
    fn new(seed: u64, flaw: Option<Flaw>, look: Look) -> World {
        let mut chance = fastrand::Rng::with_seed(seed);
        let clients: Vec<_> = (0..chance.usize(CLIENTS)).map(|_| Client::new(chance.u64(..))).collect();
        let voters = if chance.u8(0..4) == 0 { 5 } else { 3 };
        let members = voters as usize + usize::from(chance.u8(0..3) == 0);
        let cruel = chance.bool();
        let members = (0..members).map(|_| Member {
            disk: MemoryDisk::new(),
            process: None,
            life: 0,
            frozen_until: Moment::at_ms(0),
            durable: Zxid::ZERO,
            past: Past::default(),
            slowness: if cruel { *chance.choice(&[1, 1, 6, 30]).expect("there are some") } else { 1 },
            clock_ms: 0,
        });
        let members = members.collect();
        World {
            flaw,
            looks_inside: look == Look::Inside,
            cruel,
            strike_at: Moment::at_ms(0),
            happened: 0,
            now: Moment::at_ms(0),
            events: BTreeMap::new(),
            next_event: 0,
            voters,
            members,
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

    /// Whether a newer leader than this member's own serves.
    fn is_deposed(&self, at: usize) -> Deposed {
        let newest = self.leaders.last_key_value().map(|(epoch, _)| *epoch);
        let process = self.members[at].process.as_ref();
        let current = process.map(|process| process.keeper.peer().epochs().1);
        if current < newest { Deposed::Yes } else { Deposed::No }
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
            self.happened += 1;
            if self.happened > ENSEMBLE_EVENTS_MAX {
                return Err(Violation("so much happens that it will not come to an end".into()));
            }
            if event.is_some_and(|at| at <= next) {
                let ((_, number), event) = self.events.pop_first().expect("just seen");
                self.happen(number, event)?;
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

    fn clocks(&self, wrong_by_ms: i64) -> Now {
        const BEGINNING_MS: i64 = 1_700_000_000_000;
        let wall = WallTime::at_ms(BEGINNING_MS + self.now.as_ms() as i64 + wrong_by_ms);
        Now { moment: self.now, wall }
    }

    /// Whom an event needs awake.
    fn needs(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Worked(member, _) | Event::SnapshotWritten(member, _) | Event::Vote(_, member) => {
                Some(*member)
            }
            Event::Dialed(_, _, member) | Event::StaleVote(_, member, _) => Some(*member),
            Event::Arrives(link, end) => self.network.links.get(link).map(|link| link.ends[*end].member),
            Event::Knock(wire) | Event::ToServer(wire, _) | Event::CutServer(wire) => {
                self.wires.get(wire).map(|wire| wire.member)
            }
            _ => None,
        }
    }

    fn happen(&mut self, number: u64, event: Event) -> Result<(), Violation> {
        if let Some(member) = self.needs(&event)
            && self.now < self.members[member].frozen_until
        {
            // With its number, so that it stays before what was sent after it.
            self.events.insert((self.members[member].frozen_until, number), event);
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
            Event::StaleVote(from, to, notification) => self.notified(from, to, *notification),
            Event::Dialed(from, life, to) => self.dialed(from, life, to),
            Event::Arrives(link, end) => self.arrives(link, end),
            Event::Think(client) => self.think(client),
            Event::Knock(wire) => self.knock(wire),
            Event::Opened(wire) => self.opened(wire),
            Event::ToServer(wire, frame) => self.reaches_server(wire, frame),
            Event::ToClient(wire, frame, deposed) => self.reaches_client(wire, frame, deposed),
            Event::CutServer(wire) => self.cut_server(wire),
            Event::CutClient(wire) => self.cut_client(wire),
            Event::Mishap => self.mishap(),
            Event::Strike(strike) => {
                self.strike(strike);
                Ok(())
            }
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
        let (now, seed) = (self.clocks(self.members[at].clock_ms), self.chance.u64(..));
        let ensemble = membership(at as i64 + 1, self.voters);
        let member = &mut self.members[at];
        member.disk.heal();
        member.life += 1;
        let process = Process::start(&member.disk, ensemble, now, seed, self.flaw, &member.past)
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

    /// A member's process ends. It comes back after `pause`, or whenever it does.
    fn die(&mut self, at: usize, loss: Loss, why: &str, pause: Option<Span>) {
        let silent = loss != Loss::Nothing && self.chance.u8(0..3) == 0;
        let member = &mut self.members[at];
        let Some(process) = member.process.take() else { return };
        member.durable = process.durable;
        member.past = process.into_past();
        member.disk = member.disk.crash(loss);
        let life = member.life;
        self.crashes += 1;
        let durable = self.members[at].durable;
        tell!(self, "server {} dies with {durable}: {why}", at + 1);
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
        let some = Span::ms(self.chance.u64(50..8000));
        self.soon(pause.unwrap_or(some), Event::Start(at));
    }

    /// Steps a member, checks what it did, and lets it have its way.
    fn step(&mut self, at: usize, input: Input) -> Result<(), Violation> {
        let now = self.clocks(self.members[at].clock_ms);
        let Some(process) = self.members[at].process.as_mut() else { return Ok(()) };
        let before = process.keeper.database().last_applied();
        let replaced = matches!(input, Input::SnapshotInstalled | Input::Truncated { .. });
        let woken = matches!(input, Input::Woken);
        let mut effects = Vec::new();
        let snapshot = process.step(now, input, &mut effects);
        if woken {
            let Process { keeper, .. } = process;
            self.model.begin_to_end(|session| keeper.is_ending(session));
        }
        self.check(at, if replaced { None } else { Some(before) })
            .map_err(|Violation(why)| Violation(format!("server {}: {why}", at + 1)))?;
        let process = self.members[at].process.as_mut().expect("it has just done something");
        if let Some(to) = process.cut.take() {
            self.check_cut(at, to)?;
        }
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
        let slowness = if self.trouble { self.members[at].slowness } else { 1 };
        self.soon(Span::ms(span * slowness), Event::Worked(at, life));
    }

    fn worked(&mut self, at: usize, life: u64) -> Result<(), Violation> {
        let most = self.chance.usize(1..40);
        let Some(process) = self.alive(at, life) else { return Ok(()) };
        process.busy = false;
        let heard = process.work(most);
        if let Some(epoch) = process.hasty.take().filter(|_| self.looks_inside) {
            let at = at + 1;
            return Err(Violation(format!("server {at} enters epoch {epoch} before its history is durable")));
        }
        match heard {
            Ok(heard) => heard.into_iter().try_for_each(|input| self.step(at, input))?,
            Err(why) => {
                if !self.trouble {
                    return Err(Violation(format!("server {}: {why}", at + 1)));
                }
                // A failed disk ends the process: an fsync is never retried.
                tell!(self, "server {}: {why}", at + 1);
                self.die(at, Loss::Unsynced, "its disk failed", None);
            }
        }
        self.begin_work(at);
        Ok(())
    }

    fn run(&mut self, at: usize, effect: Effect) -> Result<(), Violation> {
        match effect {
            Effect::Notify { to, notification } => {
                let to = to.0 as usize - 1;
                self.network.votes.insert((at, to), notification);
                self.send_vote(at, to);
                match self.chance.u8(0..30) {
                    0 => self.send_vote(at, to),
                    1 if self.trouble => self.send_stale_vote(at, to),
                    _ => {}
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
                let to = link.ends[1 - side].member;
                self.tempt(at, to, &packet);
                self.put(id, 1 - side, Item::Packet(packet));
            }
            Effect::SendSnapshot { link: LinkId(id), snapshot } => {
                let life = self.members[at].life;
                let side = self.network.links.get(&id).and_then(|link| link.side_of(at, life));
                if let (Some(side), Some(process)) = (side, self.members[at].process.as_ref()) {
                    let past = process.past.upto(snapshot.zxid());
                    self.put(id, 1 - side, Item::Snapshot(snapshot, past));
                }
            }
            Effect::CloseLink { link: LinkId(id) } => {
                let life = self.members[at].life;
                let Some(link) = self.network.links.get_mut(&id) else { return Ok(()) };
                let Some(side) = link.side_of(at, life) else { return Ok(()) };
                link.ends[side].open = false;
                self.put(id, 1 - side, Item::End);
            }
            Effect::Foresee { .. } | Effect::Reconfigure { .. } => {
                unreachable!("its membership is not to be changed")
            }
            Effect::Halt { reason } => return Err(Violation(format!("server {} halts: {reason}", at + 1))),
            Effect::Send { connection: ConnectionId(wire), frame } => {
                let moment = self.travel_to_client(wire);
                let deposed = self.is_deposed(at);
                self.at(moment, Event::ToClient(wire, frame, deposed));
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
}

#[cfg(test)]
mod tests;
