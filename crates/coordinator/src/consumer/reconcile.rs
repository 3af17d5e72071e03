//! The way of a member from what it has to what it should have: first give back, then take, and never
//! take what another still has.
//!
//! Source: KIP-848, "Reconciliation of the group".

use std::collections::BTreeSet;

use kafka_wire::ErrorCode;

use super::{Assignment, Consumer, Current, Standing};

impl Consumer {
    /// What the member has after this heartbeat. `owned` is what it says that it has, if it says so.
    pub(crate) fn reconciled(
        &self,
        current: &Current,
        target: &Assignment,
        owned: Option<&Assignment>,
    ) -> Result<Current, ErrorCode> {
        let target_epoch = self.target_epoch();
        match current.standing {
            Standing::Stable if current.epoch == target_epoch => Ok(current.clone()),
            Standing::Stable | Standing::Waiting => Ok(self.next(current, current.epoch, target, owned)),
            Standing::Revoking if still_has(owned, &current.revoking) => Ok(current.clone()),
            Standing::Revoking => Ok(self.next(current, current.epoch.saturating_add(1), target, owned)),
            Standing::Unknown if owned.is_some_and(Assignment::is_empty) => {
                Ok(self.next(current, target_epoch, target, owned))
            }
            Standing::Unknown => Err(ErrorCode::FENCED_MEMBER_EPOCH),
        }
    }

    fn next(
        &self,
        current: &Current,
        epoch: i32,
        target: &Assignment,
        owned: Option<&Assignment>,
    ) -> Current {
        let mut kept = Assignment::new();
        let mut revoking = Assignment::new();
        for (&topic, partitions) in &current.assigned {
            for &partition in partitions {
                let stays = target.get(&topic).is_some_and(|target| target.contains(&partition));
                let side = if stays { &mut kept } else { &mut revoking };
                side.entry(topic).or_default().insert(partition);
            }
        }
        let mut pending = Assignment::new();
        let mut waits = false;
        for (&topic, partitions) in target {
            let has = kept.get(&topic);
            let mut free = BTreeSet::new();
            for &partition in
                partitions.iter().filter(|partition| !has.is_some_and(|has| has.contains(partition)))
            {
                // What this member is giving back itself is not free either: it is asked for only after
                // the member let go of it.
                if self.owner_epoch(topic, partition).is_some() {
                    waits = true;
                } else {
                    free.insert(partition);
                }
            }
            if !free.is_empty() {
                pending.insert(topic, free);
            }
        }
        if !revoking.is_empty() && still_has(owned, &revoking) {
            return Current {
                epoch,
                previous_epoch: current.epoch,
                standing: Standing::Revoking,
                assigned: kept,
                revoking,
            };
        }
        for (topic, partitions) in pending {
            kept.entry(topic).or_default().extend(partitions);
        }
        Current {
            epoch: self.target_epoch(),
            previous_epoch: current.epoch,
            standing: if waits { Standing::Waiting } else { Standing::Stable },
            assigned: kept,
            revoking: Assignment::new(),
        }
    }
}

/// Whether a member still has some of these partitions; one that does not say has them all.
fn still_has(owned: Option<&Assignment>, partitions: &Assignment) -> bool {
    let Some(owned) = owned else { return true };
    partitions
        .iter()
        .any(|(topic, partitions)| owned.get(topic).is_some_and(|owned| !owned.is_disjoint(partitions)))
}
