//! What goes wrong in an ensemble, and where.
//!
//! Most mishaps come at any time. In cruel worlds some strike right after a packet that promises
//! something: power goes where it was sent or received, what was not synced is lost, and the leader comes
//! back last. That is how published defects of servers of this protocol show.

use clock::Span;
use disk::{Fault, Loss};
use zab::packet::{PacketKind, QuorumPacket};

use super::links::Item;
use super::{Event, World};
use crate::limits::STRIKE_PAUSE;
use crate::story::Violation;

/// Power that goes, and when it comes back in each place.
pub(super) type Strike = Vec<(usize, Span)>;

impl World {
    pub(super) fn mishap(&mut self) -> Result<(), Violation> {
        if !self.trouble {
            return Ok(());
        }
        let pause = Span::ms(self.chance.u64(100..5000));
        self.soon(pause, Event::Mishap);
        let at = self.victim();
        match self.chance.u8(0..24) {
            0..=2 => self.die(at, Loss::Nothing, "killed", None),
            3..=5 => self.lose_power(at, "no power", None),
            6 => {
                for at in 0..self.members.len() {
                    self.lose_power(at, "no power anywhere", None);
                }
            }
            7 => {
                // Most of them, a moment apart.
                for at in 0..self.members.len() {
                    if self.chance.u8(0..3) > 0 {
                        self.lose_power(at, "no power in most places", None);
                    }
                }
            }
            8..=10 => {
                let span = Span::ms(self.chance.u64(10..6000));
                tell!(self, "server {} freezes for {span}", at + 1);
                self.members[at].frozen_until = self.members[at].frozen_until.max(self.now + span);
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
                for id in self.some_links() {
                    self.reset(id);
                }
            }
            18 => {
                let fault = match self.chance.u8(0..4) {
                    0 => Fault::FullAfter { bytes: self.chance.u64(0..4096) },
                    1 => Fault::FailWrite { after: self.chance.u64(0..8) },
                    _ => Fault::FailSync { after: self.chance.u64(1..4) },
                };
                tell!(self, "the disk of server {} will refuse: {fault:?}", at + 1);
                self.members[at].disk.inject(fault);
            }
            19 => {
                for id in self.some_links() {
                    self.half_open(id)?;
                }
            }
            20..=21 => {
                let hour = 3_600_000;
                let jump = self.chance.i64(-30 * hour..30 * hour);
                tell!(self, "the clock of server {} jumps by {jump} ms", at + 1);
                self.members[at].clock_ms += jump;
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

    fn some_links(&mut self) -> Vec<u64> {
        let links: Vec<u64> = self.network.links.keys().copied().collect();
        links.into_iter().filter(|_| self.chance.u8(0..3) == 0).collect()
    }

    /// One end learns that a link is broken, the other does not.
    fn half_open(&mut self, id: u64) -> Result<(), Violation> {
        let side = self.chance.usize(0..2);
        let Some(link) = self.network.links.get_mut(&id) else { return Ok(()) };
        link.queues[side].clear();
        self.put(id, side, Item::End);
        Ok(())
    }

    /// Power goes: of what was not synced all is lost, or some.
    fn lose_power(&mut self, at: usize, why: &str, pause: Option<Span>) {
        let loss = match self.chance.u8(0..6) {
            0 => Loss::Prefix { seed: self.chance.u64(..) },
            1 => Loss::Subset { seed: self.chance.u64(..) },
            _ => Loss::Unsynced,
        };
        self.die(at, loss, why, pause);
    }

    /// The leader oftener than others.
    fn victim(&mut self) -> usize {
        match self.leader() {
            Some(leader) if self.chance.u8(0..3) == 0 => leader,
            _ => self.chance.usize(0..self.members.len()),
        }
    }

    fn leader(&self) -> Option<usize> {
        self.members.iter().position(|member| {
            member.process.as_ref().is_some_and(|process| process.keeper.mode() == "leader")
        })
    }

    /// A packet is on its way from `from` to `to`: a moment to strike?
    pub(super) fn tempt(&mut self, from: usize, to: usize, packet: &QuorumPacket) {
        if !self.trouble || !self.cruel || self.now < self.strike_at {
            return;
        }
        let odds = match packet.kind {
            PacketKind::ACK if packet.zxid.counter() > 0 => 120,
            PacketKind::ACK => 3,
            PacketKind::NEWLEADER => 4,
            PacketKind::ACKEPOCH => 5,
            PacketKind::UPTODATE | PacketKind::LEADERINFO => 10,
            _ => return,
        };
        if self.chance.u16(0..odds) > 0 {
            return;
        }
        let teacher =
            if packet.kind == PacketKind::ACK || packet.kind == PacketKind::ACKEPOCH { to } else { from };
        let soon = Span::ms(match self.chance.u8(0..4) {
            0 => 0,
            1 => self.chance.u64(0..5),
            2 => self.chance.u64(0..40),
            _ => self.chance.u64(0..200),
        });
        let everybody = self.chance.bool();
        let mut strike = Strike::new();
        for at in 0..self.members.len() {
            let late = if at == teacher { self.chance.u8(0..5) > 0 } else { self.chance.u8(0..8) == 0 };
            let pause = if late { self.chance.u64(6000..16_000) } else { self.chance.u64(20..400) };
            if everybody || at == from || at == to {
                strike.push((at, Span::ms(pause)));
            }
        }
        self.strike_at = self.now + STRIKE_PAUSE;
        let kind = packet.kind;
        tell!(self, "a strike in {soon}, after {kind:?} {} from {} to {}", packet.zxid, from + 1, to + 1);
        self.soon(soon, Event::Strike(strike));
    }

    pub(super) fn strike(&mut self, strike: Strike) {
        if !self.trouble {
            return;
        }
        for (at, pause) in strike {
            self.lose_power(at, "struck", Some(pause));
        }
    }
}
