//! Who leads a partition next: the five kinds of election, as functions of what is known.
//!
//! Candidates are always tried in the order of the assignment.

use cluster::BrokerId;
use cluster::znodes::LeaderRecovery;

/// What an election decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elected {
    /// The leader.
    pub leader: BrokerId,
    /// The new ISR, never empty.
    pub isr: Vec<BrokerId>,
    /// Whether the leader has everything that was acknowledged.
    pub recovery: LeaderRecovery,
}

/// A partition as an election sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// All replicas, the preferred leader first.
    pub replicas: &'a [BrokerId],
    /// Those in sync.
    pub isr: &'a [BrokerId],
    /// Whether the leader so far was elected uncleanly and has not recovered.
    pub recovery: LeaderRecovery,
}

/// Whether a leader may come from outside of the ISR when nobody in it is alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unclean {
    /// Rather no leader than lost records.
    Forbidden,
    /// Rather lost records than no leader.
    Allowed,
}

impl Candidates<'_> {
    fn pick(&self, fit: impl Fn(BrokerId) -> bool) -> Option<BrokerId> {
        self.replicas.iter().copied().find(|id| fit(*id))
    }

    fn in_sync(&self, id: BrokerId) -> bool {
        self.isr.contains(&id)
    }

    fn isr_where(&self, keep: impl Fn(BrokerId) -> bool) -> Vec<BrokerId> {
        self.isr.iter().copied().filter(|id| keep(*id)).collect()
    }

    /// A new partition: the first live replica leads, and all live ones are in sync, since there is
    /// nothing yet to be behind with.
    pub fn first(&self, live: impl Fn(BrokerId) -> bool) -> Option<Elected> {
        let isr: Vec<_> = self.replicas.iter().copied().filter(|id| live(*id)).collect();
        let leader = *isr.first()?;
        Some(Elected { leader, isr, recovery: LeaderRecovery::Recovered })
    }

    /// The leader is gone: the first live replica of the ISR; or, if that is allowed, of all.
    pub fn offline(&self, live: impl Fn(BrokerId) -> bool, unclean: Unclean) -> Option<Elected> {
        if let Some(leader) = self.pick(|id| live(id) && self.in_sync(id)) {
            return Some(Elected { leader, isr: self.isr_where(live), recovery: self.recovery });
        }
        if unclean == Unclean::Forbidden {
            return None;
        }
        let leader = self.pick(live)?;
        Some(Elected { leader, isr: vec![leader], recovery: LeaderRecovery::Recovering })
    }

    /// The replica that shall lead when all is well.
    pub fn preferred(&self, live: impl Fn(BrokerId) -> bool) -> Option<Elected> {
        let leader = *self.replicas.first()?;
        let fit = live(leader) && self.in_sync(leader);
        fit.then(|| Elected { leader, isr: self.isr.to_vec(), recovery: self.recovery })
    }

    /// A reassignment is complete: the first of `targets` that is alive and in sync.
    pub fn reassigned(&self, targets: &[BrokerId], live: impl Fn(BrokerId) -> bool) -> Option<Elected> {
        let leader = targets.iter().copied().find(|id| live(*id) && self.in_sync(*id))?;
        Some(Elected { leader, isr: self.isr.to_vec(), recovery: self.recovery })
    }

    /// Brokers are about to stop: anybody else of the ISR.
    pub fn controlled_shutdown(
        &self,
        live: impl Fn(BrokerId) -> bool,
        stopping: impl Fn(BrokerId) -> bool,
    ) -> Option<Elected> {
        let leader = self.pick(|id| live(id) && self.in_sync(id) && !stopping(id))?;
        Some(Elected { leader, isr: self.isr_where(|id| !stopping(id)), recovery: self.recovery })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[i32]) -> Vec<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    fn among(live: &[i32]) -> impl Fn(BrokerId) -> bool {
        move |id| live.contains(&id.0)
    }

    fn with<R>(replicas: &[i32], isr: &[i32], ask: impl Fn(Candidates<'_>) -> R) -> R {
        let (replicas, isr) = (ids(replicas), ids(isr));
        ask(Candidates { replicas: &replicas, isr: &isr, recovery: LeaderRecovery::Recovered })
    }

    fn show(elected: Option<Elected>) -> String {
        elected.map_or("nobody".into(), |Elected { leader, isr, recovery }| {
            let isr: Vec<_> = isr.iter().map(|id| id.0).collect();
            let unclean = if recovery == LeaderRecovery::Recovering { " unclean" } else { "" };
            format!("{leader} {isr:?}{unclean}")
        })
    }

    #[test]
    fn a_first_leader_is_the_first_live_replica() {
        let check = |replicas: &[i32], live: &[i32], expect| {
            assert_eq!(show(with(replicas, &[], |c| c.first(among(live)))), expect);
        };
        check(&[1, 2, 3], &[1, 2, 3], "1 [1, 2, 3]");
        check(&[1, 2, 3], &[3, 2], "2 [2, 3]");
        check(&[1, 2, 3], &[4], "nobody");
    }

    #[test]
    fn a_lost_leader_is_replaced_from_the_isr() {
        let check = |isr: &[i32], live: &[i32], unclean, expect| {
            assert_eq!(show(with(&[1, 2, 3], isr, |c| c.offline(among(live), unclean))), expect);
        };
        check(&[1, 2, 3], &[2, 3], Unclean::Forbidden, "2 [2, 3]");
        check(&[1, 3], &[2, 3], Unclean::Forbidden, "3 [3]");
        check(&[1], &[2, 3], Unclean::Forbidden, "nobody");
        check(&[1], &[2, 3], Unclean::Allowed, "2 [2] unclean");
        check(&[1, 2], &[2, 3], Unclean::Allowed, "2 [2]");
        check(&[1], &[], Unclean::Allowed, "nobody");
    }

    #[test]
    fn the_preferred_leader_must_be_alive_and_in_sync() {
        let check = |isr: &[i32], live: &[i32], expect| {
            assert_eq!(show(with(&[1, 2], isr, |c| c.preferred(among(live)))), expect);
        };
        check(&[2, 1], &[1, 2], "1 [2, 1]");
        check(&[2], &[1, 2], "nobody");
        check(&[1, 2], &[2], "nobody");
    }

    #[test]
    fn reassignment_and_shutdown_keep_to_the_isr() {
        let targets = ids(&[4, 2]);
        assert_eq!(
            show(with(&[1, 2, 4], &[1, 2], |c| c.reassigned(&targets, among(&[1, 2, 4])))),
            "2 [1, 2]"
        );
        let stop = |isr: &[i32]| {
            show(with(&[1, 2, 3], isr, |c| c.controlled_shutdown(among(&[1, 2, 3]), among(&[1]))))
        };
        assert_eq!(stop(&[1, 2, 3]), "2 [2, 3]");
        assert_eq!(stop(&[1]), "nobody");
    }
}
