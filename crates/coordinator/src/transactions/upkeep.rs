//! What time brings: transactions that took too long, ids that were silent too long, markers to try again.

use std::sync::Arc;

use clock::Now;

use super::effect::Effect;
use super::record::Value;
use super::transaction::{State, Then, Transaction};
use super::{Content, Place, Transactions};

impl Transactions {
    pub(super) fn woken(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((at, _, _)) = self.retries.first()
            && *at <= now.moment
            && let Some((_, partition, id)) = self.retries.pop_first()
        {
            self.retry(now, &Place { partition, id }, effects);
        }
        if now.moment >= self.next_abort_sweep {
            self.next_abort_sweep = now.moment + self.settings.abort_interval;
            self.abort_overdue(now, effects);
        }
        if now.moment >= self.next_removal_sweep {
            self.next_removal_sweep = now.moment + self.settings.removal_interval;
            self.forget_silent(now, effects);
        }
    }

    fn retry(&mut self, now: Now, place: &Place, effects: &mut Vec<Effect>) {
        let Some(transaction) = self.find(place.partition, &place.id) else { return };
        if transaction.pending.is_some() || !transaction.value.state.is_prepared() {
            return;
        }
        match &transaction.marking {
            Some(marking) if marking.mark.is_some() => {}
            Some(_) => self.mark(place, effects),
            None => self.complete(now, place, effects),
        }
    }

    fn abort_overdue(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let now_ms = now.wall.as_ms();
        let is_overdue = |value: &Value| {
            value.state == State::Ongoing
                && now_ms.saturating_sub(value.started_ms) > i64::from(value.timeout_ms)
        };
        for place in self.idle(|transaction| is_overdue(&transaction.value)) {
            self.fence(now, &place, Then::Nothing, effects);
        }
    }

    fn forget_silent(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let expiration_ms = i64::try_from(self.settings.id_expiration.as_ms()).unwrap_or(i64::MAX);
        let now_ms = now.wall.as_ms();
        let is_silent = |value: &Value| {
            matches!(value.state, State::Empty | State::CompleteCommit | State::CompleteAbort)
                && now_ms.saturating_sub(value.updated_ms) >= expiration_ms
        };
        for place in self.idle(|transaction| is_silent(&transaction.value)) {
            self.append(&place, None, Then::Nothing, effects);
        }
    }

    /// The transactional ids of that kind that nothing is being written for.
    fn idle(&self, is_meant: impl Fn(&Transaction) -> bool) -> Vec<Place> {
        let mut places = Vec::new();
        for (&partition, shard) in &self.shards {
            let Content::Loaded(transactions) = &shard.content else { continue };
            let meant = transactions
                .iter()
                .filter(|(_, transaction)| transaction.pending.is_none() && is_meant(transaction));
            places.extend(meant.map(|(id, _)| Place { partition, id: Arc::clone(id) }));
        }
        places
    }
}
