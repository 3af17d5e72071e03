//! What must hold whatever happens, checked after every step of a member.

use bytes::Bytes;
use keeper::Entry;
use zookeeper_wire::Zxid;

use super::World;
use super::process::entered_epoch;
use crate::story::Violation;

impl World {
    /// What must hold after each step of a member. `before` is what it had applied before, unless its
    /// state was replaced.
    pub(super) fn check(&mut self, at: usize, before: Option<Zxid>) -> Result<(), Violation> {
        let process = self.members[at].process.as_mut().expect("it has just done something");
        let (applied, digest) = {
            let database = process.keeper.database();
            (database.last_applied(), database.tree().digest())
        };
        let serves = process.keeper.serves();
        let began = serves && !process.served;
        process.served = serves;
        if process.keeper.digest_mismatches() > 0 {
            return Err(Violation("its tree is not what the leader said that it would be".into()));
        }
        let from = if began { Some(process.past.base) } else { before.filter(|before| *before < applied) };
        if let Some(from) = from {
            let delivered: Vec<Entry> = (process.past.log.range(Zxid(from.0 + 1)..))
                .take_while(|(zxid, _)| **zxid <= applied)
                .map(|(_, entry)| entry.clone())
                .collect();
            self.committed(from, applied, &delivered)?;
        }
        if (serves || before != Some(applied)) && self.last_committed() >= applied {
            let expected = *self.digests.entry(applied).or_insert(digest);
            if serves && expected != digest {
                return Err(Violation(format!("its tree at {applied} is not that of others")));
            }
        }
        let process = self.members[at].process.as_ref().expect("still there");
        let (accepted, current) = process.keeper.peer().epochs();
        if began {
            let mode = process.keeper.mode();
            tell!(self, "server {} serves as {mode} in epoch {current}, at {applied}", at + 1);
            if mode == "leader" {
                if *self.leaders.entry(current).or_insert(at) != at {
                    return Err(Violation(format!("epoch {current} has two leaders")));
                }
                self.check_quorum_entered(current)?;
                if applied < self.last_committed() {
                    let last = self.last_committed();
                    return Err(Violation(format!("it leads from {applied}, and {last} is committed")));
                }
            }
        }
        if accepted < current {
            return Err(Violation(format!("it is in epoch {current} and accepted {accepted}")));
        }
        Ok(())
    }

    /// A member delivered these, and what was between: they are the history, or continue it.
    pub(super) fn committed(
        &mut self,
        from: Zxid,
        applied: Zxid,
        delivered: &[Entry],
    ) -> Result<(), Violation> {
        let known: Vec<Zxid> =
            self.committed.range(Zxid(from.0 + 1)..=applied.max(Zxid(from.0 + 1))).map(|(z, _)| *z).collect();
        for zxid in known {
            if zxid <= applied && delivered.binary_search_by_key(&zxid, |entry| entry.zxid).is_err() {
                return Err(Violation(format!("it passed over {zxid}, which is committed")));
            }
        }
        for entry in delivered {
            match self.committed.get(&entry.zxid) {
                Some(payload) if *payload == entry.payload => {}
                Some(_) => return Err(Violation(format!("it has another transaction {}", entry.zxid))),
                None if entry.zxid > self.last_committed() => {
                    self.check_quorum_has(entry)?;
                    self.model.propose(entry)?;
                    self.committed.insert(entry.zxid, entry.payload.clone());
                    self.transactions += 1;
                }
                None => {
                    let last = self.last_committed();
                    return Err(Violation(format!("it delivers {}, after {last} and not of it", entry.zxid)));
                }
            }
        }
        Ok(())
    }

    /// What is acknowledged is on the disk.
    pub(super) fn check_ack(&self, at: usize, zxid: Zxid) -> Result<(), Violation> {
        let process = self.members[at].process.as_ref().expect("it has just spoken");
        let fine = if zxid.counter() == 0 {
            // That of `UPTODATE` says nothing new, and what it lets in is being written.
            process.served || (process.current_epoch() == Some(zxid.epoch()) && process.is_written())
        } else {
            zxid <= process.durable
        };
        if fine || !self.looks_inside {
            return Ok(());
        }
        Err(Violation(format!("server {} acknowledges {zxid} before it is durable", at + 1)))
    }

    /// How many voters but `except` have this transaction on their disks. What was acknowledged by a
    /// member that is not running now was durable there when it was.
    fn holders(&self, zxid: Zxid, payload: &Bytes, except: Option<usize>) -> usize {
        let voters = self.members.iter().take(self.voters as usize).enumerate();
        let with = voters.filter(|(at, member)| match &member.process {
            _ if Some(*at) == except => false,
            Some(process) => {
                let logged = process.past.log.get(&zxid).is_some_and(|own| own.payload == *payload);
                zxid <= process.durable && (logged || zxid <= process.past.base)
            }
            None => zxid <= member.durable,
        });
        with.count()
    }

    /// What is delivered for the first time is on the disks of a quorum.
    fn check_quorum_has(&self, entry: &Entry) -> Result<(), Violation> {
        let with = self.holders(entry.zxid, &entry.payload, None);
        if with > self.voters as usize / 2 || !self.looks_inside {
            return Ok(());
        }
        Err(Violation(format!("{} is delivered, and only {with} of {} have it", entry.zxid, self.voters)))
    }

    /// A quorum has entered the epoch of a leader that serves, or a later one.
    fn check_quorum_entered(&self, epoch: u32) -> Result<(), Violation> {
        let voters = self.members.iter().take(self.voters as usize);
        let entered = voters.filter(|member| entered_epoch(&member.disk).is_some_and(|e| e >= epoch)).count();
        if entered > self.voters as usize / 2 || !self.looks_inside {
            return Ok(());
        }
        Err(Violation(format!("it leads epoch {epoch}, which {entered} of {} have entered", self.voters)))
    }

    /// What is committed is never cut from a log, unless a quorum has it without that log: a leader cuts
    /// what it has not committed yet, and may commit it with others before the cut arrives.
    pub(super) fn check_cut(&self, at: usize, to: Zxid) -> Result<(), Violation> {
        let Some(process) = self.members[at].process.as_ref().filter(|_| self.looks_inside) else {
            return Ok(());
        };
        let delivered = process.keeper.database().last_applied().max(to);
        for (zxid, payload) in self.committed.range(Zxid(to.0 + 1)..=Zxid(delivered.0 + 1)) {
            let with = self.holders(*zxid, payload, Some(at));
            if *zxid <= delivered && with <= self.voters as usize / 2 {
                let at = at + 1;
                return Err(Violation(format!("server {at} cuts its log to {to}, and {zxid} is committed")));
            }
        }
        Ok(())
    }
}
