//! How votes, dials and packets travel between members.

use clock::Span;
use keeper::{Input, LinkId};
use zab::Notification;

use super::links::{End, Item, Link};
use super::process::rebuilt;
use super::{Event, World};
use crate::story::Violation;

impl World {
    pub(super) fn delay(&mut self) -> Span {
        Span::ms(match self.chance.u8(0..40) {
            0 => self.chance.u64(20..300),
            _ => self.chance.u64(0..5),
        })
    }

    /// Sends something to this end of a link, behind what was sent before.
    pub(super) fn put(&mut self, id: u64, end: usize, item: Item) {
        let arrival = self.now + self.delay();
        let Some(link) = self.network.links.get_mut(&id) else { return };
        link.queues[end].push_back(item);
        link.arrivals[end] = link.arrivals[end].max(arrival);
        let arrival = link.arrivals[end];
        self.at(arrival, Event::Arrives(id, end));
    }

    pub(super) fn send_vote(&mut self, from: usize, to: usize) {
        let delay = self.delay();
        self.soon(delay, Event::Vote(from, to));
    }

    pub(super) fn vote(&mut self, from: usize, to: usize) -> Result<(), Violation> {
        let Some(notification) = self.network.votes.get(&(from, to)).cloned() else { return Ok(()) };
        if self.members[to].process.is_none() {
            return Ok(());
        }
        if self.network.is_cut(from, to) {
            self.soon(Span::ms(200), Event::Vote(from, to));
            return Ok(());
        }
        self.notified(from, to, notification)
    }

    pub(super) fn notified(
        &mut self,
        from: usize,
        to: usize,
        notification: Notification,
    ) -> Result<(), Violation> {
        self.step(to, Input::Notified { from: keeper::ServerId(from as i64 + 1), notification })
    }

    /// What was just said comes once more, later, when it may not be true any longer.
    pub(super) fn send_stale_vote(&mut self, from: usize, to: usize) {
        let Some(notification) = self.network.votes.get(&(from, to)).cloned() else { return };
        let delay = Span::ms(self.chance.u64(0..3000));
        self.soon(delay, Event::StaleVote(from, to, Box::new(notification)));
    }

    pub(super) fn dialed(&mut self, from: usize, life: u64, to: usize) -> Result<(), Violation> {
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

    pub(super) fn arrives(&mut self, id: u64, end: usize) -> Result<(), Violation> {
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
            Item::Snapshot(snapshot, past) => {
                if let Some(process) = self.members[here.member].process.as_mut()
                    && process.keeper.peer().awaits_snapshot(link)
                {
                    process.staged = past;
                }
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
    pub(super) fn reset(&mut self, id: u64) {
        let Some(link) = self.network.links.get_mut(&id) else { return };
        for queue in &mut link.queues {
            queue.clear();
        }
        self.put(id, 0, Item::End);
        self.put(id, 1, Item::End);
    }
}
