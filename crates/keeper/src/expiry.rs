//! What time brings: sessions end, silent connections are closed, containers are reaped.

use zookeeper_wire::{PathOnly, Request, SessionId};

use crate::border::{ConnectionId, Effect};
use crate::keeper::Keeper;
use crate::limits::{REAPED_A_ROUND_MAX, ROOM_MIN, SESSIONLESS};
use crate::metrics::Counter;

impl Keeper {
    pub(crate) fn woken(&mut self, effects: &mut Vec<Effect>) {
        let now = self.server.now.moment;
        if self.server.peer.deadline().is_some_and(|at| at <= now) || !self.serves() {
            self.peer_step(zab::Input::Woken, effects);
        }
        // The leader alone ends sessions, whosoever clients they are.
        let expired = if self.server.member.orders() { self.server.sessions.expire(now) } else { Vec::new() };
        let ended = expired.len() + self.expire_local(effects);
        self.server.metrics.count(Counter::StaleSessionsExpired, ended as u64);
        self.ending.extend(expired);
        let silent: Vec<ConnectionId> = (self.sessionless.iter())
            .take_while(|&&(since, _)| since + SESSIONLESS <= now)
            .map(|&(_, id)| id)
            .collect();
        self.server.metrics.count(Counter::SessionlessConnectionsExpired, silent.len() as u64);
        for id in silent {
            self.close(id, effects);
        }
        if now >= self.reap_at {
            self.reap(effects);
        }
    }

    fn reap(&mut self, effects: &mut Vec<Effect>) {
        let config = &self.server.config;
        self.reap_at = self.server.now.moment + config.container_check;
        if !self.server.member.orders() {
            return;
        }
        let limit = config.container_deletions_a_minute.min(REAPED_A_ROUND_MAX);
        let never_used_ms = config.container_never_used.as_ms() as i64;
        let time_ms = self.server.now.wall.as_ms();
        for path in self.server.database.tree().reapable(time_ms, never_used_ms, limit) {
            if self.server.room() < ROOM_MIN {
                return;
            }
            self.server.propose_own(SessionId::NONE, Request::DeleteContainer(PathOnly { path }), effects);
        }
    }
}
