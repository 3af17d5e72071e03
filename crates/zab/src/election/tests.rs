use super::*;

fn servers(ids: impl IntoIterator<Item = i64>) -> BTreeSet<ServerId> {
    ids.into_iter().map(ServerId).collect()
}

fn majority(ids: impl IntoIterator<Item = i64>) -> Memberships {
    Memberships { committed: Quorum::majority(servers(ids)), proposed: None }
}

/// A conversation with server 2 of {1, 2, 3}, whose log ends with zxid 5 of epoch 1. `look` starts an
/// election; `1 looking 3:1:5 round 1` is what server 1 says (candidate, epoch, zxid); `at 200` wakes;
/// `established 2` gives the new epoch. Effects are indented.
fn transcript(memberships: Memberships, id: i64, script: &str) -> String {
    let mut election = Election::new(ServerId(id), memberships, Bytes::new());
    let mut now = Moment::at_ms(0);
    let mut story = String::new();
    for line in script.lines() {
        story += &format!("{line}\n");
        let words: Vec<&str> = line.split(' ').collect();
        let input = match words[..] {
            ["look"] => Input::Look { zxid: Zxid(5), epoch: 1 },
            ["look", "blank"] => Input::Look { zxid: Vote::BLANK, epoch: 0 },
            ["at", ms] => {
                now = Moment::at_ms(ms.parse().unwrap());
                Input::Woken
            }
            ["established", epoch] => Input::Established { epoch: epoch.parse().unwrap() },
            [from, state, vote, "round", round] => {
                let numbers: Vec<i64> = vote.split(':').map(|number| number.parse().unwrap()).collect();
                let vote = Vote { leader: ServerId(numbers[0]), epoch: numbers[1], zxid: Zxid(numbers[2]) };
                let state = match state {
                    "looking" => ServerState::Looking,
                    "following" => ServerState::Following,
                    "leading" => ServerState::Leading,
                    "observing" => ServerState::Observing,
                    other => panic!("what is {other}?"),
                };
                let round = round.parse().unwrap();
                let notification =
                    Notification { state, vote, round, format: 2, configuration: Bytes::new() };
                Input::Notified { from: ServerId(from.parse().unwrap()), notification }
            }
            _ => panic!("what is {line}?"),
        };
        let mut effects = Vec::new();
        election.step(now, input, &mut effects);
        for effect in effects {
            story += &match effect {
                Effect::Notify { to, notification: n } => format!(
                    "  tell {to} {:?} {}:{}:{} round {}\n",
                    n.state, n.vote.leader, n.vote.epoch, n.vote.zxid.0, n.round
                )
                .to_lowercase(),
                Effect::Decided { vote, state } => format!("  {state:?} {}\n", vote.leader).to_lowercase(),
                Effect::Strayed { server } => format!("  strayed {server}\n"),
            };
        }
    }
    story
}

fn check_with(memberships: Memberships, id: i64, conversation: &str) {
    let lines: Vec<&str> = conversation.lines().filter(|line| !line.trim().is_empty()).collect();
    let indent = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap();
    let expect: String = lines.iter().flat_map(|line| [&line[indent..], "\n"]).collect();
    let script: Vec<&str> = expect.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(transcript(memberships, id, &script.join("\n")), expect);
}

fn check(conversation: &str) {
    check_with(majority(1..=3), 2, conversation);
}

#[test]
fn a_quorum_for_the_same_decides_after_a_last_chance() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        at 10
        1 looking 2:1:5 round 1
        at 209
        at 210
          leading 2
        ",
    );
}

#[test]
fn a_better_vote_is_adopted_even_in_the_last_moment() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        1 looking 2:1:5 round 1
        at 150
        3 looking 3:1:5 round 1
          tell 1 looking 3:1:5 round 1
          tell 3 looking 3:1:5 round 1
        at 349
        at 350
          following 3
        ",
    );
}

#[test]
fn epoch_beats_zxid_and_zxid_beats_server() {
    let check = |better: (i64, i64, i64), worse: (i64, i64, i64)| {
        let vote = |(epoch, zxid, leader)| Vote { epoch, zxid: Zxid(zxid), leader: ServerId(leader) };
        assert!(vote(better) > vote(worse));
        assert!(vote(worse) > Vote::NOBODY);
    };
    check((2, 0, 1), (1, 9, 3));
    check((1, 9, 1), (1, 8, 3));
    check((1, 9, 3), (1, 9, 1));
}

#[test]
fn a_later_round_begins_again_and_an_earlier_one_is_told_so() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        1 looking 1:1:4 round 3
          tell 1 looking 2:1:5 round 3
          tell 3 looking 2:1:5 round 3
        3 looking 3:9:9 round 2
          tell 3 looking 2:1:5 round 3
        ",
    );
}

#[test]
fn silence_makes_it_say_so_again_and_again_more_slowly() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        at 199
        at 200
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        at 599
        at 600
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        at 1400
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        ",
    );
}

#[test]
fn an_established_ensemble_is_joined_if_its_leader_says_that_it_leads() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        1 following 3:4:9 round 7
        3 leading 3:4:8 round 6
          following 3
        1 looking 1:1:1 round 1
          tell 1 following 3:4:8 round 6
        ",
    );
}

#[test]
fn followers_alone_prove_nothing() {
    check_with(
        majority(1..=5),
        2,
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
          tell 4 looking 2:1:5 round 1
          tell 5 looking 2:1:5 round 1
        1 following 5:4:9 round 7
        3 following 5:4:9 round 7
        4 following 5:4:9 round 7
        5 leading 5:4:9 round 7
          following 5
        ",
    );
}

#[test]
fn settled_servers_that_disagree_about_the_epoch_make_no_quorum() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        1 following 3:3:9 round 7
        3 leading 3:4:9 round 7
        1 following 3:4:9 round 7
          following 3
        established 5
        1 looking 1:1:1 round 1
          tell 1 following 3:5:9 round 7
        ",
    );
}

#[test]
fn a_leader_hears_of_voters_that_stray_and_outsiders_are_only_answered() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        1 looking 2:1:5 round 1
        at 200
          leading 2
        3 looking 3:0:1 round 1
          tell 3 leading 2:1:5 round 1
          strayed 3
        9 looking 9:9:9 round 9
          tell 9 leading 2:1:5 round 1
        1 looking 9:9:9 round 9
          tell 1 leading 2:1:5 round 1
          strayed 1
        ",
    );
}

#[test]
fn votes_from_and_for_outsiders_do_not_count() {
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        9 looking 2:1:5 round 1
          tell 9 looking 2:1:5 round 1
        1 looking 9:9:9 round 1
        3 observing 2:1:5 round 1
        2 looking 2:1:5 round 1
        ",
    );
}

#[test]
fn a_blank_server_decides_nothing_and_joins_whoever_leads() {
    check(
        "
        look blank
          tell 1 looking 2:0:-1 round 1
          tell 3 looking 2:0:-1 round 1
        1 looking 3:1:5 round 1
        3 looking 3:1:5 round 1
        1 following 3:1:5 round 1
        3 leading 3:1:5 round 1
          following 3
        ",
    );
    check(
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        1 looking 1:9:-1 round 1
        ",
    );
}

#[test]
fn an_observer_follows_without_a_voice() {
    check_with(
        majority(1..=3),
        7,
        &format!(
            "
        look
          tell 1 looking {0}:{0}:{0} round 1
          tell 2 looking {0}:{0}:{0} round 1
          tell 3 looking {0}:{0}:{0} round 1
        1 following 3:4:9 round 7
        3 leading 3:4:9 round 7
          observing 3
        ",
            i64::MIN
        ),
    );
}

#[test]
fn the_only_voter_leads() {
    check_with(
        majority([2]),
        2,
        "
        look
        at 200
          leading 2
        ",
    );
}

#[test]
fn a_candidate_without_weight_is_never_followed() {
    let group =
        |members: &[(i64, u64)]| members.iter().map(|(id, weight)| (ServerId(*id), *weight)).collect();
    let committed = Quorum::Hierarchical { groups: BTreeMap::from([(0, group(&[(1, 1), (2, 1), (3, 0)]))]) };
    check_with(
        Memberships { committed, proposed: None },
        2,
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
        3 looking 3:9:9 round 1
        1 looking 2:1:5 round 1
        at 200
          leading 2
        ",
    );
}

#[test]
fn during_a_reconfiguration_both_memberships_must_agree() {
    let both = Memberships {
        committed: Quorum::majority(servers(1..=3)),
        proposed: Some(Quorum::majority(servers(2..=4))),
    };
    check_with(
        both,
        2,
        "
        look
          tell 1 looking 2:1:5 round 1
          tell 3 looking 2:1:5 round 1
          tell 4 looking 2:1:5 round 1
        1 looking 2:1:5 round 1
        at 150
        4 looking 2:1:5 round 1
        at 349
        at 350
          leading 2
        ",
    );
}

/// Some servers and a network between them: delays, servers that stop and start again, links that are
/// down. Only the newest message for each server is under way, and it is sent again when a link comes
/// back, as the connections of the original do it.
struct World {
    chance: fastrand::Rng,
    now: u64,
    elections: Vec<Option<Election>>,
    histories: Vec<(i64, i64)>,
    /// The newest notification from one to another, and when it arrives.
    mail: BTreeMap<(usize, usize), (u64, Notification)>,
    /// The last one that was delivered, to be repeated on a new connection.
    delivered: BTreeMap<(usize, usize), Notification>,
    /// Whether the link between two is down.
    cut: BTreeSet<(usize, usize)>,
    /// When a server that decided looks whether its leader leads.
    doubts: BTreeMap<usize, u64>,
    slow: u64,
}

impl World {
    fn new(seed: u64, count: usize) -> World {
        let mut chance = fastrand::Rng::with_seed(seed);
        World {
            histories: (0..count).map(|_| (chance.i64(0..3), chance.i64(0..5))).collect(),
            slow: chance.u64(1..150),
            chance,
            now: 0,
            elections: (0..count).map(|_| None).collect(),
            mail: BTreeMap::new(),
            delivered: BTreeMap::new(),
            cut: BTreeSet::new(),
            doubts: BTreeMap::new(),
        }
    }

    fn start(&mut self, server: usize) {
        let members = majority(0..self.elections.len() as i64);
        self.elections[server] = Some(Election::new(ServerId(server as i64), members, Bytes::new()));
        self.look(server);
    }

    fn look(&mut self, server: usize) {
        let (epoch, zxid) = self.histories[server];
        self.doubts.remove(&server);
        self.step(server, Input::Look { zxid: Zxid(zxid), epoch });
    }

    fn stop(&mut self, server: usize) {
        self.elections[server] = None;
        self.mail.retain(|(from, to), _| *from != server && *to != server);
        self.delivered.retain(|(from, to), _| *from != server && *to != server);
        self.doubts.remove(&server);
    }

    fn step(&mut self, server: usize, input: Input) {
        let Some(election) = &mut self.elections[server] else { return };
        let mut effects = Vec::new();
        election.step(Moment::at_ms(self.now), input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Notify { to, notification } => {
                    let arrival = self.now + self.chance.u64(0..self.slow);
                    let slot =
                        self.mail.entry((server, to.0 as usize)).or_insert((arrival, notification.clone()));
                    slot.1 = notification;
                }
                Effect::Decided { vote, .. } => {
                    // Safety: a quorum has no longer a history than the leader.
                    let leader = self.histories[vote.leader.0 as usize];
                    let behind = self.histories.iter().filter(|history| **history <= leader).count();
                    assert!(behind > self.elections.len() / 2, "{leader:?} of {:?}", self.histories);
                    self.doubts.insert(server, self.now + 1000);
                }
                Effect::Strayed { .. } => {}
            }
        }
    }

    /// Whether the leader that `server` decided for leads, and is followed by a quorum.
    fn is_led(&self, server: usize) -> bool {
        let Some(election) = &self.elections[server] else { return false };
        let leader = election.vote().leader;
        let leads =
            self.elections[leader.0 as usize].as_ref().is_some_and(|e| e.state() == ServerState::Leading);
        let with = |election: &&Election| {
            election.state() != ServerState::Looking && election.vote().leader == leader
        };
        let followers = self.elections.iter().flatten().filter(with).count();
        leads && followers > self.elections.len() / 2 && !self.cut.contains(&pair(server, leader.0 as usize))
    }

    /// Ten milliseconds go by.
    fn tick(&mut self) {
        self.now += 10;
        let due: Vec<_> =
            self.mail.iter().filter(|(_, (at, _))| *at <= self.now).map(|(way, _)| *way).collect();
        for way in due {
            if self.cut.contains(&pair(way.0, way.1)) || self.elections[way.1].is_none() {
                continue;
            }
            let Some((_, notification)) = self.mail.remove(&way) else { continue };
            self.delivered.insert(way, notification.clone());
            self.step(way.1, Input::Notified { from: ServerId(way.0 as i64), notification });
        }
        for server in 0..self.elections.len() {
            let deadline = self.elections[server].as_ref().and_then(Election::deadline);
            if deadline.is_some_and(|at| at.as_ms() <= self.now) {
                self.step(server, Input::Woken);
            }
            if self.doubts.get(&server).is_some_and(|at| *at <= self.now) {
                if self.is_led(server) {
                    self.doubts.insert(server, self.now + 1000);
                } else {
                    self.look(server);
                }
            }
        }
    }

    fn mishap(&mut self) {
        let count = self.elections.len();
        let (a, b) = (self.chance.usize(..count), self.chance.usize(..count));
        match self.chance.u8(0..4) {
            0 if self.elections[a].is_some() => self.stop(a),
            0 | 1 if self.elections[a].is_none() => self.start(a),
            2 if a != b => {
                self.cut.insert(pair(a, b));
            }
            _ => self.mend(a, b),
        }
    }

    fn mend(&mut self, a: usize, b: usize) {
        if self.cut.remove(&pair(a, b)) {
            for way in [(a, b), (b, a)] {
                if let Some(last) = self.delivered.get(&way).cloned() {
                    self.mail.entry(way).or_insert((self.now, last));
                }
            }
        }
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

#[test]
fn servers_that_start_together_decide_for_the_longest_history() {
    for seed in 0..60 {
        let mut world = World::new(seed, 3 + seed as usize % 5);
        let count = world.elections.len();
        (0..count).for_each(|server| world.start(server));
        while world.elections.iter().flatten().any(|e| e.state() == ServerState::Looking) {
            world.tick();
            assert!(world.now < 60_000, "seed {seed}");
        }
        let best = (0..count).max_by_key(|server| (world.histories[*server], *server)).unwrap();
        for election in world.elections.iter().flatten() {
            assert_eq!(election.vote().leader, ServerId(best as i64), "seed {seed}");
        }
    }
}

#[test]
fn after_trouble_everybody_finds_one_leader() {
    for seed in 0..60 {
        let mut world = World::new(seed, 3 + seed as usize % 3);
        let count = world.elections.len();
        (0..count).for_each(|server| world.start(server));
        for _ in 0..3000 {
            world.tick();
            if world.chance.u8(0..40) == 0 {
                world.mishap();
            }
        }
        for server in 0..count {
            (0..count).for_each(|other| world.mend(server, other));
            if world.elections[server].is_none() {
                world.start(server);
            }
        }
        // The longest silence between two messages is a minute.
        let peace = world.now;
        while !(0..count).all(|server| world.is_led(server)) {
            world.tick();
            assert!(world.now < peace + 180_000, "seed {seed}");
        }
        let leaders: BTreeSet<_> = world.elections.iter().flatten().map(|e| e.vote().leader).collect();
        assert_eq!(leaders.len(), 1, "seed {seed}");
    }
}
