//! Another database in the place of the one there is: what an administrator's restore asks for. First
//! nothing new is taken in, then what is under way ends, then the edge makes the new database durable,
//! and only then it takes its place.

use clock::Now;
use zab::{Peer, ServerId};
use znode::{Database, HashKey, Sessions, Watches};

use crate::border::{ConnectionId, Effect};
use crate::keeper::Keeper;
use crate::member::Part;

impl Keeper {
    /// Takes in nothing more until [`Keeper::replace`] or [`Keeper::thaw`].
    pub fn freeze(&mut self) {
        self.server.frozen = true;
    }

    /// Goes on as if nothing had been.
    pub fn thaw(&mut self) {
        self.server.frozen = false;
    }

    /// True if no transaction is under way.
    pub fn is_idle(&self) -> bool {
        self.server.peer.outstanding() == 0
    }

    /// Gives `database` the zxid that it will have here. Zxids never go back, whatever is restored: a
    /// client that has seen more than its server would be sent away.
    pub fn fit(&self, database: &mut Database) {
        database.advance(self.server.peer.last_proposed().max(database.last_applied()));
    }

    /// Puts `database` in place; call it when the keeper [is idle](Keeper::is_idle) and `database`, which
    /// [fits](Keeper::fit), is durable. All clients are cut off; the sessions of `database` live on, those
    /// of before are gone.
    pub fn replace(&mut self, now: Now, database: Database, effects: &mut Vec<Effect>) {
        assert!(self.is_idle(), "nothing is under way");
        assert!(database.last_applied() >= self.server.peer.last_proposed(), "zxids never go back");
        self.server.now = now;
        let mut connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        connections.sort_unstable();
        for id in connections {
            self.close(id, effects);
        }
        self.waiting.clear();
        self.holding.clear();
        self.ending.clear();
        let key: HashKey = database.tree().key();
        self.server.sessions = Sessions::new(self.server.config.tick_time, key);
        for (&session, &timeout_ms) in database.sessions() {
            self.server.sessions.track(now.moment, session, timeout_ms);
            self.next_session = self.next_session.max(zookeeper_wire::SessionId(session.0.saturating_add(1)));
        }
        self.server.watches = Watches::new(key);
        self.server.outstanding.clear();
        assert_eq!(self.server.member.part, Part::Alone, "an ensemble's state is its log's");
        self.server.peer = Peer::alone(ServerId(self.server.config.server_id), database.last_applied());
        self.server.database = database;
        self.server.frozen = false;
    }
}

#[cfg(test)]
mod tests {
    use clock::Now;
    use znode::{Database, HashKey};

    use crate::KeeperConfig;
    use crate::talk::Talk;

    #[test]
    fn a_restored_database_is_a_world_of_its_own() {
        let mut talk = Talk::new(KeeperConfig::default());
        talk.line("1 > connect 10000");
        talk.line("1 > create /gone x");
        talk.keeper.freeze();
        talk.line("1 > create /late x");
        assert!(talk.keeper.is_idle() && !talk.out.contains("/late v"), "{}", talk.out);
        let before = talk.keeper.database().last_applied();
        let mut database = Database::new(HashKey(1), znode::ExtendedTypes::Off);
        talk.keeper.fit(&mut database);
        let mut effects = Vec::new();
        talk.keeper.replace(Now::at_ms(5), database, &mut effects);
        assert!(matches!(effects[..], [crate::Effect::Close { .. }]), "{effects:?}");
        assert_eq!(talk.keeper.database().last_applied(), before);
        talk.out.clear();
        talk.line("2 > connect 10000");
        talk.line("2 > exists /gone");
        assert!(talk.out.contains("NoNode"), "{}", talk.out);
        assert!(talk.keeper.database().last_applied() > before);
    }
}
