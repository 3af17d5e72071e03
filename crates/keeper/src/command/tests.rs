use std::collections::BTreeSet;

use clock::Now;
use serde_json::{Value, json};

use super::{Answer, COMMANDS, Command};
use crate::KeeperConfig;
use crate::talk::Talk;

fn ask(talk: &mut Talk, name: &str) -> Value {
    let Answer { status, body } =
        talk.keeper.command(Now::at_ms(talk.now_ms), &Command { name, trace_mask: None });
    assert_eq!(status, 200, "{name}");
    body
}

fn talk() -> Talk {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.line("1 > connect 10000");
    talk.line("1 > create /e x e");
    talk.line("1 > get /e w");
    talk
}

/// The names of the fields, as a standalone Apache ZooKeeper 3.9.5 gives them.
#[test]
fn fields_are_those_of_the_original() {
    let check = |name: &str, expect: &str| {
        let body = ask(&mut talk(), name);
        let fields: BTreeSet<&str> =
            body.as_object().expect("an object").keys().map(String::as_str).collect();
        let expect: BTreeSet<&str> = expect.split_whitespace().chain(["command", "error"]).collect();
        assert_eq!(fields, expect, "{name}");
    };
    check(
        "conf",
        "client_port data_dir data_log_dir tick_time max_client_cnxns min_session_timeout max_session_timeout \
         server_id client_port_listen_backlog",
    );
    check("cons", "connections secure_connections");
    check("dirs", "datadir_size logdir_size");
    check("dump", "expiry_time_to_session_ids session_id_to_ephemeral_paths");
    check("gtmk", "tracemask");
    check("hash", "digests");
    check("icfg", "initial_configuration");
    check("isro", "read_only");
    check("lsnp", "zxid timestamp");
    check("lead", "");
    check("obsr", "synced_observers observers");
    check("orst", "");
    check("ruok", "");
    check("srvr", "version read_only server_stats client_response node_count");
    check("stat", "version read_only server_stats client_response node_count connections secure_connections");
    check("voting_view", "current_config");
    check("wchs", "num_connections num_paths num_total_watches");
    check("wchc", "session_id_to_watched_paths");
    check("wchp", "path_to_session_ids");
    check("zabstate", "voting zabstate");
}

#[test]
fn what_is_listed_is_there() {
    let mut talk = talk();
    let session = talk.sessions[&1].0;
    assert_eq!(ask(&mut talk, "dump")["session_id_to_ephemeral_paths"], json!({session.to_string(): ["/e"]}));
    assert_eq!(ask(&mut talk, "wchp")["path_to_session_ids"], json!({"/e": [session]}));
    assert_eq!(ask(&mut talk, "wchc")["session_id_to_watched_paths"], json!({session.to_string(): ["/e"]}));
    let connections = ask(&mut talk, "cons");
    assert_eq!(connections["connections"][0]["session_id"], session);
    assert_eq!(connections["connections"][0]["last_operation"], "GETD");
    let monitor = ask(&mut talk, "mntr");
    assert_eq!((&monitor["ephemerals_count"], &monitor["cnt_updatelatency"]), (&json!(1), &json!(1)));
    ask(&mut talk, "srst");
    assert_eq!(ask(&mut talk, "mntr")["cnt_updatelatency"], 0);
}

#[test]
fn commands_are_found_by_any_name_and_the_rest_is_refused() {
    let mut talk = talk();
    for names in COMMANDS {
        for name in *names {
            assert_eq!(ask(&mut talk, name)["command"], names[0]);
        }
    }
    let unknown = ask(&mut talk, "nosuch");
    assert_eq!(unknown, json!({"command": "nosuch", "error": "Unknown command: nosuch"}));
    let mut check = |mask, expect: &str| {
        let command = Command { name: "stmk", trace_mask: mask };
        let body = talk.keeper.command(Now::at_ms(0), &command).body;
        assert_eq!(body["error"], expect);
    };
    check(None, "setTraceMask requires long traceMask argument");
    check(Some("x"), "setTraceMask requires long traceMask argument, got x");
    let body = talk.keeper.command(Now::at_ms(0), &Command { name: "stmk", trace_mask: Some("5") }).body;
    assert_eq!((&body["tracemask"], &body["error"]), (&json!(5), &Value::Null));
    assert_eq!(ask(&mut talk, "gtmk")["tracemask"], 5);
}

#[test]
fn a_member_without_a_leader_tells_how_far_it_is() {
    let mut talk = Talk::member(KeeperConfig::default(), 3);
    let state = ask(&mut talk, "zabstate");
    assert_eq!((&state["error"], &state["zabstate"]), (&Value::Null, &json!("election")));
    assert_eq!(
        (&state["myid"], &state["is_leader"], &state["voting"]),
        (&json!(1), &json!(false), &json!(true))
    );
    assert_eq!(ask(&mut talk, "monitor")["peer_state"], "looking");
    assert_ne!(ask(&mut talk, "leader")["error"], Value::Null);
    let mut talk = Talk::member(KeeperConfig::default(), 1);
    talk.line("wait 1000");
    assert_eq!(ask(&mut talk, "zabstate")["zabstate"], "broadcast");
    assert_eq!(ask(&mut talk, "monitor")["peer_state"], "leading - broadcast");
}

#[test]
fn snapshots_are_for_those_with_every_permission_on_the_root() {
    let mut talk = talk();
    let from = "10.0.0.9".parse().expect("an address");
    let check = |talk: &Talk, authorization: Option<&str>, expect: Option<(u16, &str)>| {
        let answer = talk.keeper.authorize("snapshot", authorization, from).err();
        let told = answer.map(|answer| (answer.status, answer.body["error"].as_str().unwrap().to_owned()));
        assert_eq!(told, expect.map(|(status, text)| (status, text.to_owned())), "{authorization:?}");
    };
    check(&talk, None, Some((401, "Auth info is missing for the command")));
    check(&talk, Some("nosuch a:b"), Some((401, "Not authenticated")));
    check(&talk, Some("digest a:b c"), Some((401, "Not authenticated")));
    check(&talk, Some("digest a:b"), None);
    talk.line("1 > auth a:b");
    talk.line("1 > protect /");
    check(&talk, Some("digest a:b"), None);
    check(&talk, Some("digest a:other"), Some((403, "Not authorized")));
    check(&talk, Some("ip"), Some((403, "Not authorized")));
}
