//! The clients of an ensemble: whom they dial, what they ask, and what they are told.

use bytes::Bytes;
use clock::Moment;
use keeper::{ConnectionId, Input};
use keeper_client::{Effect as ClientEffect, Input as ClientInput};

use super::{Event, Wire, World};
use crate::observer::{Deposed, Heard};
use crate::story::Violation;

impl World {
    pub(super) fn think(&mut self, client: usize) -> Result<(), Violation> {
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

    pub(super) fn client_step(&mut self, client: usize, input: ClientInput) -> Result<(), Violation> {
        let mut effects = Vec::new();
        let now = self.clocks(0);
        self.clients[client].step(now, input, &mut effects);
        for effect in effects {
            match effect {
                ClientEffect::Dial(_) => self.dial(client),
                ClientEffect::Send(frame) => {
                    let Some(wire) = self.clients[client].link else { continue };
                    self.clients[client].observer.sent(&frame, &self.model);
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

    pub(super) fn dial(&mut self, client: usize) {
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

    pub(super) fn knock(&mut self, id: u64) -> Result<(), Violation> {
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

    pub(super) fn opened(&mut self, id: u64) -> Result<(), Violation> {
        match self.whose(id) {
            Some(client) => self.client_step(client, ClientInput::Linked),
            None => Ok(()),
        }
    }

    /// The client of a connection, if it still uses it.
    pub(super) fn whose(&self, id: u64) -> Option<usize> {
        let client = self.wires.get(&id)?.client;
        (self.clients[client].link == Some(id) && !self.silent).then_some(client)
    }

    pub(super) fn reaches_server(&mut self, id: u64, frame: Bytes) -> Result<(), Violation> {
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

    pub(super) fn reaches_client(
        &mut self,
        id: u64,
        frame: Bytes,
        deposed: Deposed,
    ) -> Result<(), Violation> {
        let Some(client) = self.whose(id) else { return Ok(()) };
        let heard = self.clients[client].observer.received(&frame, &mut self.model, deposed);
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

    pub(super) fn cut_server(&mut self, id: u64) -> Result<(), Violation> {
        let Some(wire) = self.wires.get(&id) else { return Ok(()) };
        let (member, life) = (wire.member, wire.life);
        if self.alive(member, life).is_none() {
            return Ok(());
        }
        self.step(member, Input::Closed { connection: ConnectionId(id) })
    }

    pub(super) fn cut_client(&mut self, id: u64) -> Result<(), Violation> {
        let Some(client) = self.whose(id) else { return Ok(()) };
        self.clients[client].link = None;
        self.client_step(client, ClientInput::Unlinked)
    }

    pub(super) fn travel_to_server(&mut self, id: u64) -> Moment {
        let arrival = self.now + self.delay();
        let Some(wire) = self.wires.get_mut(&id) else { return arrival };
        wire.to_server = wire.to_server.max(arrival);
        wire.to_server
    }

    pub(super) fn travel_to_client(&mut self, id: u64) -> Moment {
        let arrival = self.now + self.delay();
        let Some(wire) = self.wires.get_mut(&id) else { return arrival };
        wire.to_client = wire.to_client.max(arrival);
        wire.to_client
    }
}
