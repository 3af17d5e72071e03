use super::*;

#[test]
fn smoke_ensembles_keep_every_promise_and_tell_the_same_story_twice() {
    for seed in 0..4 {
        let outcome = run_ensemble(seed, None);
        if let Some((violation, story)) = &outcome.violation {
            panic!("{story}\nseed {seed}: {violation}\nagain: cargo xtask sim --ensembles 1 --from {seed}");
        }
        assert!(outcome.transactions > 50 && outcome.crashes > 3, "{outcome:?}");
        assert_eq!(run_ensemble(seed, None), outcome, "seed {seed} tells two stories");
    }
}

#[test]
fn planted_defects_are_found() {
    for flaw in Flaw::ALL {
        let found = (0..FLAW_SEEDS).find(|seed| run_ensemble(*seed, Some(flaw)).violation.is_some());
        assert!(found.is_some(), "{flaw:?} is not found in {FLAW_SEEDS} worlds");
    }
}

/// Worlds within which each planted defect is found.
const FLAW_SEEDS: u64 = 60;
