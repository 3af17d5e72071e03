use super::*;

#[test]
fn smoke_ensembles_keep_every_promise_and_tell_the_same_story_twice() {
    for seed in 0..2 {
        let outcome = run_ensemble(seed, None, Look::Inside);
        if let Some((violation, story)) = &outcome.violation {
            panic!("{story}\nseed {seed}: {violation}\nagain: cargo xtask sim --ensembles 1 --from {seed}");
        }
        assert!(outcome.transactions > 50 && outcome.crashes > 3, "{outcome:?}");
        assert_eq!(run_ensemble(seed, None, Look::Inside), outcome, "seed {seed} tells two stories");
    }
}

/// The long proof, from seed 0 on: `cargo xtask sim --flaws 1000`.
#[test]
fn planted_flaws_are_found() {
    for crate::Found { flaw, inside, outside, .. } in crate::FLAWS {
        for (seed, look) in [(inside, Look::Inside), (outside, Look::Outside)] {
            assert!(
                run_ensemble(seed, Some(flaw), look).violation.is_some(),
                "{flaw:?} at {seed} ({look:?})"
            );
        }
    }
}

#[test]
fn every_flaw_is_looked_for() {
    let looked_for: Vec<Flaw> = crate::FLAWS.iter().map(|found| found.flaw).collect();
    assert_eq!(looked_for, Flaw::ALL);
}
