//! One step of the coordinator as its parts see it: the time, and everything outside of the group.

use clock::Now;
use fastrand::Rng;

use crate::effect::{Answer, Effect, Record, WriteToken};
use crate::input::{Producer, RequestToken};
use crate::settings::Settings;
use crate::timers::Timers;
use crate::topics::Topics;
use crate::write::{Write, Writes};

/// What a group needs to act.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) settings: &'a Settings,
    pub(crate) random: &'a mut Rng,
    pub(crate) timers: &'a mut Timers,
    pub(crate) writes: &'a mut Writes,
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) topics: &'a Topics,
    /// Epoch of the leadership of the partition that is being worked on.
    pub(crate) leader_epoch: i32,
}

impl Turn<'_> {
    /// The wall clock, in milliseconds since 1970.
    pub(crate) fn wall_ms(&self) -> i64 {
        self.now.wall.as_ms()
    }

    /// A name that nobody else has: version 4, variant 10, as `java.util.UUID.randomUUID` makes them.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = self.random.u128(..);
        let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    pub(crate) fn answer(&mut self, token: RequestToken, answer: Answer) {
        self.effects.push(Effect::Answer { token, answer });
    }

    pub(crate) fn note(&mut self, text: String) {
        self.effects.push(Effect::Note(text));
    }

    /// Asks for an append; `write` says what to do when it is done. Gives back its token.
    pub(crate) fn append(
        &mut self,
        partition: i32,
        producer: Option<Producer>,
        records: Vec<Record>,
        write: Write,
    ) -> WriteToken {
        assert!(!records.is_empty(), "an append has records");
        let deadline = self.now.moment + self.settings.commit_timeout;
        let token = self.writes.begin(partition, deadline, write, self.timers);
        let leader_epoch = self.leader_epoch;
        self.effects.push(Effect::Append { partition, leader_epoch, producer, records, write: token });
        token
    }
}
