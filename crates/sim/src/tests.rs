use super::*;

#[test]
fn smoke_worlds_keep_every_promise_and_tell_the_same_story_twice() {
    let mut records = 0;
    for seed in 0..5 {
        let outcome = run(seed, Options::default());
        if let Some((violation, story)) = &outcome.violation {
            panic!("{story}\nseed {seed}: {violation}\nagain: cargo xtask sim --from {seed} --seeds 1");
        }
        assert!(outcome.transactions > 100 && outcome.crashes > 3, "{outcome:?}");
        records += outcome.records;
        assert_eq!(run(seed, Options::default()), outcome, "seed {seed} tells two stories");
    }
    assert!(records > 100, "some of the worlds have a broker");
}

/// How many worlds it takes to find a planted defect, which shows in one of these ways.
fn found_after(bug: Bug, signs: &[&str]) -> Option<u64> {
    (0..20).find(|seed| match run(*seed, Options { bug: Some(bug) }).violation {
        Some((Violation(why), _)) => {
            assert!(signs.iter().any(|sign| why.contains(sign)), "seed {seed} found something else: {why}");
            true
        }
        None => false,
    })
}

#[test]
fn planted_defects_are_found() {
    let check = |bug, signs: &[&str]| {
        let found = found_after(bug, signs);
        assert!(found.is_some_and(|worlds| worlds < 5), "{bug:?}: {found:?}");
    };
    check(Bug::AcknowledgeBeforeSync, &["clients were told of"]);
    // With holes in it the log may even look damaged.
    check(Bug::NoSync, &["clients were told of", "cannot be recovered"]);
    check(Bug::EventsAfterReplies, &["without the event", "the watch on everything"]);
    check(Bug::ForgottenTail, &["clients were told of"]);
    check(Bug::RecordsNotSynced, &["was acknowledged at", "was given to", "and finds"]);
}
