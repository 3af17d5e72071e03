use super::*;

fn set(servers: &[i64]) -> BTreeSet<ServerId> {
    servers.iter().copied().map(ServerId).collect()
}

#[test]
fn a_majority_is_more_than_half_of_the_voters() {
    let check = |voters: &[i64], yes: &[i64], expect| {
        let quorum = Quorum::majority(set(voters));
        assert_eq!(quorum.is_met_by(&set(yes)), expect, "{yes:?} of {voters:?}");
    };
    check(&[1], &[], false);
    check(&[1], &[1], true);
    check(&[1], &[2], false);
    check(&[1, 2], &[1], false);
    check(&[1, 2], &[1, 2], true);
    check(&[1, 2, 3], &[1, 3], true);
    check(&[1, 2, 3], &[1, 4, 5], false);
    check(&[1, 2, 3, 4], &[1, 2], false);
    check(&[1, 2, 3, 4], &[1, 2, 3], true);
}

fn groups(groups: &[&[(i64, u64)]]) -> Quorum {
    let groups = groups.iter().enumerate();
    Quorum::Hierarchical {
        groups: groups
            .map(|(g, m)| (g as i64, m.iter().map(|(s, w)| (ServerId(*s), *w)).collect()))
            .collect(),
    }
}

#[test]
fn a_hierarchical_quorum_is_a_majority_of_weighty_groups_by_weight() {
    let three = groups(&[&[(1, 1), (2, 1), (3, 1)], &[(4, 1), (5, 1), (6, 1)], &[(7, 1), (8, 1), (9, 1)]]);
    let heavy = groups(&[&[(1, 3), (2, 1)], &[(3, 0), (4, 0)]]);
    let check = |quorum: &Quorum, yes: &[i64], expect| {
        assert_eq!(quorum.is_met_by(&set(yes)), expect, "{yes:?}");
    };
    check(&three, &[1, 2, 4, 5], true);
    check(&three, &[1, 2, 3, 4, 7], false);
    check(&three, &[1, 2, 4, 7], false);
    check(&heavy, &[1], true);
    check(&heavy, &[2, 3, 4], false);
    assert_eq!((heavy.weight(ServerId(1)), heavy.weight(ServerId(3)), heavy.weight(ServerId(9))), (3, 0, 0));
    assert!(heavy.has_voter(ServerId(3)) && !heavy.has_voter(ServerId(9)));
}

#[test]
fn two_quorums_always_meet() {
    let systems = [
        Quorum::majority(set(&[0, 1, 2, 3, 4])),
        groups(&[&[(0, 2), (1, 1)], &[(2, 1), (3, 1)], &[(4, 0), (5, 5)]]),
    ];
    for quorum in systems {
        let every: Vec<BTreeSet<ServerId>> = (0_u32..64)
            .map(|bits| (0..6).filter(|bit| bits & (1 << bit) != 0).map(ServerId).collect())
            .filter(|yes| quorum.is_met_by(yes))
            .collect();
        assert!(!every.is_empty());
        for a in &every {
            assert!(every.iter().all(|b| !a.is_disjoint(b)));
        }
    }
}
