//! Many watches on one znode: how long until the last watcher knows of a change?

use std::time::{Duration, Instant};

use crate::keeper::is_event;
use crate::run::Load;
use crate::{Failure, KeeperOperation, KeeperWork, Pace, Plan, Report, Work};

/// Has every connection of the plan watch one znode and sets it once a round, until the plan's time is over.
/// Counts events; the latency of each runs from the moment of the set. A round begins when the last event of the
/// one before has arrived.
pub fn fan_out(
    plan: &Plan,
    size: usize,
    root: &str,
    run: u32,
    mut progress: impl FnMut(f64, u64),
) -> Result<Report, Failure> {
    let mut work = KeeperWork::new(KeeperOperation::FanOut, plan.connections, size, root, run);
    let plan = Plan { pace: Pace::InFlight(1), ..plan.clone() };
    let mut load = Load::connect(&plan, &mut work)?;
    let start = Instant::now();
    let (begin, end) = (start + plan.warm_up, start + plan.warm_up + plan.length);
    while Instant::now() < end {
        let set = Instant::now();
        load.counting = set >= begin;
        load.queue(0, set, |out| work.request(0, out))?;
        let mut answered = false;
        let mut events = 0;
        while events < plan.connections || !answered {
            if set.elapsed() > Duration::from_millis(crate::limits::PATIENCE_MS) {
                return Err(Failure::Silence);
            }
            let (arrived, answers) = load.events(set, is_event)?;
            events += arrived;
            answered |= answers > 0;
        }
        let share = start.elapsed().as_secs_f64() / (plan.warm_up + plan.length).as_secs_f64();
        progress(share, load.things());
    }
    Ok(load.report(Instant::now().saturating_duration_since(begin)))
}
