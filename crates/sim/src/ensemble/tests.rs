use super::*;

#[test]
fn smoke_ensembles_keep_every_promise_and_tell_the_same_story_twice() {
    for seed in 0..2 {
        let outcome = run_ensemble(seed, None);
        if let Some((violation, story)) = &outcome.violation {
            panic!("{story}\nseed {seed}: {violation}\nagain: cargo xtask sim --ensembles 1 --from {seed}");
        }
        assert!(outcome.transactions > 50 && outcome.crashes > 3, "{outcome:?}");
        assert_eq!(run_ensemble(seed, None), outcome, "seed {seed} tells two stories");
    }
}
