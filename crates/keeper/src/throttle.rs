//! What is done about too much: new sessions beyond a rate, requests that have waited too long, large
//! requests beyond what may be in memory. All of it is off unless configured, as in the original.

use clock::{Moment, Span};
use zookeeper_wire::{OpCode, Request};

use znode::WatcherId;

use crate::ConnectionId;
use crate::config::{Beginning, ConnectionTokens, Throttles};
use crate::connection::Connection;
use crate::limits::WATCHES_OF_ONE_MAX;
use crate::metrics::{Advanced, Counter};
use crate::server::Server;

/// The state behind [`Throttles`].
#[derive(Debug)]
pub(crate) struct Throttle {
    config: Throttles,
    tokens: u32,
    filled: Moment,
    /// The probability by which a new session is refused although there are tokens.
    drop: f64,
    frozen: Moment,
    random: fastrand::Rng,
    /// Bytes of large requests under way.
    large_bytes: usize,
}

/// What becomes of a request that has waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waited {
    /// It is served.
    Served,
    /// It is served, and counted as stale.
    Stale,
    /// Its connection is closed: the client has given it up, or should.
    Dropped,
    /// It is answered with an error.
    Refused,
}

impl Throttle {
    pub(crate) fn new(config: Throttles, now: Moment, seed: u64) -> Self {
        let tokens = config.connections.most();
        let random = fastrand::Rng::with_seed(seed);
        Throttle { config, tokens, filled: now, drop: 0.0, frozen: now, random, large_bytes: 0 }
    }

    /// The probability that `mntr` shows.
    pub(crate) fn drop_probability(&self) -> f64 {
        self.drop
    }

    /// Tokens that were spent and have not come back.
    pub(crate) fn deficit(&self) -> u64 {
        u64::from(self.config.connections.most() - self.tokens)
    }

    /// May a session begin, or be taken up again? Spends the tokens if so.
    pub(crate) fn admits(&mut self, now: Moment, beginning: Beginning) -> bool {
        let most = self.config.connections.most();
        if most == 0 {
            return true;
        }
        let ConnectionTokens { fill_time, freeze_time, .. } = self.config.connections;
        let since = now.since(self.filled);
        if since > fill_time {
            let rounds = since.as_ms() / fill_time.as_ms().max(1);
            let refill = rounds.saturating_mul(u64::from(self.config.connections.refill()));
            self.tokens = u64::from(self.tokens).saturating_add(refill).min(u64::from(most)) as u32;
            self.filled = now;
        }
        if freeze_time.is_some_and(|freeze| !self.passes_blue(now, freeze)) {
            return false;
        }
        let need = self.config.connections.price(beginning);
        if self.tokens < need {
            return false;
        }
        self.tokens -= need;
        true
    }

    /// The algorithm BLUE: an empty bucket raises the probability of refusals, a full one lowers it.
    fn passes_blue(&mut self, now: Moment, freeze: Span) -> bool {
        let tokens = &self.config.connections;
        let spent = tokens.most() - self.tokens;
        if now.since(self.frozen) > freeze {
            if spent == tokens.most() {
                self.drop = (self.drop + tokens.drop_increase).min(1.0);
            } else if f64::from(spent) <= f64::from(tokens.most()) * tokens.decrease_ratio {
                self.drop = (self.drop - tokens.drop_decrease).max(0.0);
            }
            self.frozen = now;
        }
        self.random.f64() >= self.drop
    }

    /// Must new requests wait, with so many under way?
    pub(crate) fn holds(&self, in_flight: usize) -> bool {
        self.config.requests_max != 0 && in_flight >= self.config.requests_max
    }

    /// What to do with a request that has waited so long, of a session with that time-out.
    pub(crate) fn judge(&self, op: OpCode, waited: Span, timeout_ms: i32) -> Waited {
        let config = &self.config;
        let stale = config.stale_latency
            && op != OpCode::CLOSE_SESSION
            && waited.as_ms() > u64::try_from(timeout_ms).unwrap_or(0);
        if stale && config.drop_stale && config.requests_max != 0 {
            return Waited::Dropped;
        }
        let may_refuse = config.op_wait != Span::ZERO && waited > config.op_wait;
        if may_refuse && op != OpCode::PING && op != OpCode::CLOSE_SESSION {
            return Waited::Refused;
        }
        if stale { Waited::Stale } else { Waited::Served }
    }

    /// Takes note of a request of so many bytes: how many of them count as large, or `None` if there are
    /// too many of such under way.
    pub(crate) fn begin_large(&mut self, bytes: usize) -> Option<usize> {
        match self.config.large_request_bytes {
            Some(threshold) if bytes > threshold => {}
            _ => return Some(0),
        }
        if self.large_bytes + bytes > self.config.large_requests_bytes_max {
            return None;
        }
        self.large_bytes += bytes;
        Some(bytes)
    }

    /// Large requests of so many bytes are answered.
    pub(crate) fn end_large(&mut self, bytes: usize) {
        self.large_bytes -= bytes;
    }
}

impl Server {
    /// `None` if the connection of this request is to be closed, else whether the request is refused. It
    /// came at `since` and is of so many bytes.
    pub(crate) fn throttled(
        &mut self,
        connection: &mut Connection,
        op: OpCode,
        since: Moment,
        bytes: usize,
    ) -> Option<bool> {
        let waited = self.now.moment.since(since);
        if waited != Span::ZERO {
            self.metrics.spread(Advanced::RequestThrottleQueueTimeMs, waited.as_ms());
        }
        let judged = self.throttle.judge(op, waited, connection.timeout_ms);
        match judged {
            Waited::Served => {}
            Waited::Stale => self.metrics.count(Counter::StaleRequests, 1),
            Waited::Refused => self.metrics.count(Counter::ThrottledOps, 1),
            Waited::Dropped => {
                self.metrics.count(Counter::StaleRequestsDropped, 1);
                return None;
            }
        }
        let Some(large) = self.throttle.begin_large(bytes) else {
            self.metrics.count(Counter::LargeRequestsRejected, 1);
            return None;
        };
        connection.large_bytes += large;
        Some(judged == Waited::Refused)
    }

    /// A connection with nothing under way has no large requests either.
    pub(crate) fn settle_large(&mut self, connection: &mut Connection) {
        if connection.pipeline.is_empty() && connection.large_bytes > 0 {
            self.throttle.end_large(std::mem::take(&mut connection.large_bytes));
        }
    }

    /// Would this request leave more watches than one connection may have?
    pub(crate) fn too_many_watches(&self, id: ConnectionId, request: &Request) -> bool {
        let more = watches_left(request);
        more > 0 && self.watches.count_of(WatcherId(id.0)) + more > WATCHES_OF_ONE_MAX
    }
}

/// How many watches a request may leave.
pub(crate) fn watches_left(request: &Request) -> usize {
    match request {
        Request::Exists(r) | Request::GetData(r) | Request::GetChildren(r) | Request::GetChildren2(r) => {
            usize::from(r.watch)
        }
        Request::AddWatch(_) => 1,
        Request::SetWatches(r) => r.data.len() + r.exist.len() + r.child.len(),
        Request::SetWatches2(r) => {
            r.data.len() + r.exist.len() + r.child.len() + r.persistent.len() + r.persistent_recursive.len()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SessionWeights;

    fn at(ms: u64) -> Moment {
        Moment::at_ms(ms)
    }

    #[test]
    fn without_configuration_nothing_is_held_back() {
        let mut throttle = Throttle::new(Throttles::default(), at(0), 1);
        assert!((0..1000).all(|_| throttle.admits(at(0), Beginning::Global)));
        assert!(!throttle.holds(1_000_000));
        assert_eq!(throttle.judge(OpCode::GET_DATA, Span::FOREVER, 1), Waited::Served);
        assert_eq!(throttle.begin_large(usize::MAX), Some(0));
    }

    #[test]
    fn tokens_are_spent_and_come_back() {
        let connections =
            ConnectionTokens { tokens: 3, fill_time: Span::ms(10), ..ConnectionTokens::default() };
        let mut throttle = Throttle::new(Throttles { connections, ..Throttles::default() }, at(0), 1);
        let admitted = |throttle: &mut Throttle, ms| {
            (0..5).filter(|_| throttle.admits(at(ms), Beginning::Global)).count()
        };
        assert_eq!(admitted(&mut throttle, 0), 3);
        assert_eq!((admitted(&mut throttle, 10), throttle.deficit()), (0, 3));
        assert_eq!(admitted(&mut throttle, 25), 2);
        assert_eq!(admitted(&mut throttle, 1_000_000), 3);
    }

    #[test]
    fn weights_make_new_sessions_dear() {
        let connections = ConnectionTokens {
            tokens: 2,
            fill_time: Span::seconds(1),
            weights: Some(SessionWeights { global: 3, local: 1, renewed: 2 }),
            ..ConnectionTokens::default()
        };
        let mut throttle = Throttle::new(Throttles { connections, ..Throttles::default() }, at(0), 1);
        // The bucket holds twice the weight of a new session.
        let asked = [Beginning::Global, Beginning::Renewed, Beginning::Renewed, Beginning::Local];
        let admitted = asked.map(|beginning| throttle.admits(at(0), beginning));
        assert_eq!(admitted, [true, true, false, true]);
        assert_eq!(throttle.deficit(), 6);
    }

    #[test]
    fn an_empty_bucket_makes_refusals_likelier() {
        let connections = ConnectionTokens {
            tokens: 1,
            fill_time: Span::seconds(1000),
            freeze_time: Some(Span::ms(10)),
            drop_increase: 0.5,
            ..ConnectionTokens::default()
        };
        let mut throttle = Throttle::new(Throttles { connections, ..Throttles::default() }, at(0), 1);
        assert!(throttle.admits(at(0), Beginning::Global));
        throttle.admits(at(20), Beginning::Global);
        assert_eq!(throttle.drop_probability(), 0.5);
        throttle.admits(at(40), Beginning::Global);
        assert_eq!(throttle.drop_probability(), 1.0);
        assert!(!throttle.admits(at(2_000_000), Beginning::Global));
    }

    #[test]
    fn what_has_waited_is_judged() {
        let mut config = Throttles { requests_max: 2, stale_latency: true, ..Throttles::default() };
        let check = |config: &Throttles, op, ms, expect| {
            let throttle = Throttle::new(config.clone(), at(0), 1);
            assert_eq!(throttle.judge(op, Span::ms(ms), 1000), expect);
        };
        check(&config, OpCode::GET_DATA, 1000, Waited::Served);
        check(&config, OpCode::GET_DATA, 1001, Waited::Dropped);
        check(&config, OpCode::CLOSE_SESSION, 1001, Waited::Served);
        config.drop_stale = false;
        check(&config, OpCode::GET_DATA, 1001, Waited::Stale);
        config.op_wait = Span::ms(5);
        check(&config, OpCode::GET_DATA, 6, Waited::Refused);
        check(&config, OpCode::PING, 6, Waited::Served);
        let throttle = Throttle::new(config, at(0), 1);
        assert!(!throttle.holds(1) && throttle.holds(2));
    }

    #[test]
    fn large_requests_have_a_sum() {
        let config =
            Throttles { large_request_bytes: Some(10), large_requests_bytes_max: 30, ..Throttles::default() };
        let mut throttle = Throttle::new(config, at(0), 1);
        assert_eq!(
            [10, 20, 11, 10].map(|bytes| throttle.begin_large(bytes)),
            [Some(0), Some(20), None, Some(0)]
        );
        throttle.end_large(20);
        assert_eq!(throttle.begin_large(11), Some(11));
    }

    fn settled(throttles: Throttles, transcript: &str) {
        let config = crate::KeeperConfig { throttles, ..crate::KeeperConfig::default() };
        crate::talk::check_with(config, transcript);
    }

    #[test]
    fn sessions_beyond_the_rate_are_sent_away() {
        let connections =
            ConnectionTokens { tokens: 1, fill_time: Span::ms(10), ..ConnectionTokens::default() };
        settled(
            Throttles { connections, ..Throttles::default() },
            r#"
            1 > connect 10000
            1 < session for 10000 in 37 bytes
            2 > connect 10000
            2 < closed
            wait 20
            3 > connect 10000
            3 < session for 10000 in 37 bytes
            "#,
        );
    }

    #[test]
    fn requests_wait_while_too_many_are_under_way_and_are_refused_if_they_waited_too_long() {
        settled(
            Throttles { requests_max: 1, op_wait: Span::ms(50), ..Throttles::default() },
            r#"
            1 > connect 10000
            1 < session for 10000 in 37 bytes
            hold
            1 > create /a x
            1 > create /b x
            1 > exists /a
            wait 60
            persist
            1 < create /a @2
            1 < create ThrottledOp @2
            1 < exists ThrottledOp @2
            "#,
        );
    }

    #[test]
    fn large_requests_beyond_the_sum_close_their_connection() {
        settled(
            Throttles { large_request_bytes: Some(20), large_requests_bytes_max: 60, ..Throttles::default() },
            r#"
            1 > connect 10000
            1 < session for 10000 in 37 bytes
            hold
            1 > create /a x
            1 > create /b x
            1 < closed
            persist
            "#,
        );
    }
}
