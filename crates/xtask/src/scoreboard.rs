//! What servers of its kind can do: the table of `docs/compatibility.md`, printed from the one here. Each
//! "yes" of Castle names the test that shows it, and a name without its test fails the check.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::run::Outcome;

const PAGE: &str = "docs/compatibility.md";
const BEGIN: &str = "<!-- begin scoreboard -->\n";
const END: &str = "<!-- end scoreboard -->";

/// What it is about; ZooKeeper 3.9, ClickHouse Keeper, RaftKeeper, etcd; Castle; the test that shows it.
type Row = (&'static str, [&'static str; 4], &'static str, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("ZooKeeper's protocol, operations 1-14", ["yes", "yes", "yes", "partly"], "yes", "test_the_same_history_on_castle_and_on_the_original"),
    ("create2: the stat of what is created", ["yes", "yes", "no", "n/a"], "yes", "test_the_same_history_on_castle_and_on_the_original"),
    ("multi, check among its operations", ["yes", "yes", "yes", "own"], "yes", "failures_of_a_multi_are_in_its_body"),
    ("multiRead", ["yes", "yes", "yes", "yes"], "yes", "test_the_same_history_on_castle_and_on_the_original"),
    ("one-shot watches, set again after a reconnect", ["yes", "yes", "yes", "own"], "yes", "watches_set_again_tell_at_once_what_was_missed"),
    ("persistent and recursive watches", ["yes", "yes", "no", "own"], "yes", "recursive_watches_cover_all_below_but_no_child_events"),
    ("checkWatches, removeWatches", ["yes", "yes", "no", "cancel"], "yes", "persistent_watches_stay_and_can_be_checked_and_removed"),
    ("containers", ["yes", "stat differs", "no", "no"], "yes", "containers_are_reaped_once_they_were_used"),
    ("times to live", ["off by default", "no children", "no", "leases"], "off by default", "timed_znodes_are_reaped_when_they_are_childless_and_were_not_changed"),
    ("sequence numbers by ZooKeeper's rule", ["yes", "yes", "yes", "no"], "yes", "test_sequence_numbers_come_from_the_parents_creates"),
    ("ephemeral znodes of a session", ["yes", "yes", "yes", "leases"], "yes", "a_session_expires_with_its_ephemerals"),
    ("getEphemerals", ["yes", "no", "no", "partly"], "yes", "test_the_same_history_on_castle_and_on_the_original"),
    ("getAllChildrenNumber", ["yes", "no", "no", "yes"], "yes", "test_the_same_history_on_castle_and_on_the_original"),
    ("whoAmI", ["yes", "no", "no", "no"], "yes", "test_the_same_history_on_castle_and_on_the_original"),
    ("quotas, soft and enforced", ["yes", "no", "no", "whole store"], "yes", "quotas_count_and_refuse_only_when_told_to"),
    ("ACLs: world, auth, digest", ["yes", "yes", "yes", "own"], "yes", "lists_are_enforced_and_super_is_above_them"),
    ("ACLs: x509", ["yes", "no", "no", "partly"], "yes", "test_a_certificate_is_an_identity"),
    ("ACLs: ip", ["yes", "no", "no", "no"], "yes", "permissions_follow_the_list"),
    ("ACLs: sasl", ["yes", "no", "no", "no"], "yes", "test_users_log_in_by_digest_md5"),
    ("authentication by code of one's own", ["in Java", "no", "no", "no"], "no", ""),
    ("a user above all lists", ["yes", "partly", "yes", "yes"], "yes", "a_certificate_is_an_identity_and_may_be_the_super_user"),
    ("deleteContainer refused to clients", ["no", "?", "n/a", "n/a"], "yes", "trap_t1_delete_container_is_not_for_clients"),
    ("SASL: DIGEST-MD5", ["yes", "no", "no", "no"], "yes", "test_users_log_in_by_digest_md5"),
    ("SASL: Kerberos", ["yes", "no", "no", "no"], "no", ""),
    ("TLS for clients", ["with Netty", "yes", "no", "yes"], "yes", "test_a_certificate_is_an_identity"),
    ("TLS and plaintext on one port", ["yes", "no", "no", "partly"], "yes", "test_one_port_may_take_both"),
    ("new certificates without a restart", ["off by default", "yes", "no", "yes"], "off by default", "test_new_certificates_without_a_restart"),
    ("local sessions", ["yes", "no", "no", "no"], "yes", "test_local_sessions_are_upgraded_by_their_first_ephemeral"),
    ("read-only mode without a quorum", ["off by default", "no", "no", "partly"], "off by default", "test_without_a_quorum_clients_may_read_that_asked_for_it"),
    ("observers", ["yes", "learners", "partly", "learners"], "yes", "test_an_observer_of_the_other_kind"),
    ("reconfiguration while running", ["off by default", "partly", "partly", "own"], "off by default", "test_the_same_commands_have_the_same_outcomes_as_on_the_original"),
    ("hierarchical quorums", ["yes", "no", "no", "no"], "yes", "a_hierarchical_quorum_is_a_majority_of_weighty_groups_by_weight"),
    ("linearizable reads as an option", ["no", "yes", "no", "yes"], "no", ""),
    ("limits on requests and new sessions", ["yes", "partly", "partly", "partly"], "yes", "requests_wait_while_too_many_are_under_way_and_are_refused_if_they_waited_too_long"),
    ("four-letter words", ["yes", "yes", "yes", "no"], "yes", "test_words_answer_in_the_original_form"),
    ("AdminServer: HTTP and JSON", ["yes", "own", "no", "own"], "yes", "test_commands_have_the_fields_of_the_original"),
    ("snapshot and restore over the network", ["yes", "partly", "partly", "yes"], "restore only alone", "test_snapshots_go_both_ways"),
    ("metrics for Prometheus", ["opt-in", "yes", "no", "yes"], "yes, ZooKeeper's", "test_every_number_of_the_monitor_is_there"),
    ("audit log", ["off by default", "no", "no", "partly"], "no", ""),
    ("zoo.cfg as it is", ["yes", "no", "no", "no"], "yes, [but](#the-keys-of-zoocfg)", "what_is_honoured_is_taken_by_the_parser"),
    ("opens ZooKeeper's data directory in place", ["yes", "converts", "converts", "no"], "yes", "test_a_directory_goes_to_and_fro"),
    ("writes a data directory that ZooKeeper opens", ["yes", "no", "no", "no"], "yes", "test_a_directory_goes_to_and_fro"),
    ("takes the place of one ZooKeeper after the other", ["yes", "no", "no", "no"], "yes", "test_rolling_replacement_there_and_back"),
    ("sessions live on across that swap", ["yes", "no", "no", "no"], "yes", "test_a_directory_goes_to_and_fro"),
    ("digest of the tree", ["yes", "own", "no", "own"], "yes", "promised_digests_come_true"),
    ("snapshots do not stop writes", ["partly", "partly", "yes", "yes"], "yes", "a_pinned_copy_does_not_change"),
    ("a new epoch without an election when the counter is used up", ["no", "yes", "?", "yes"], "alone", "a_used_up_counter_begins_the_next_epoch"),
    ("failed writes leave no record", ["no", "?", "?", "yes"], "no", ""),
    ("no virtual machine", ["no", "yes", "yes", "yes"], "yes", ""),
];

/// The page has the table as it is here, and each test is where it is said to be.
pub(crate) fn check(root: &Path) -> Outcome {
    let mut sources = String::new();
    for place in ["crates", "conformance"] {
        gather(&root.join(place), &mut sources)?;
    }
    for (feature, _, castle, test) in ROWS.iter().filter(|row| !row.3.is_empty()) {
        if !["fn", "def"].iter().any(|word| sources.contains(&format!("{word} {test}("))) {
            return Err(format!(
                "the scoreboard says {castle:?} of {feature:?}, and there is no test {test}"
            ));
        }
    }
    let page = read(root)?;
    let (before, after) = parts(&page)?;
    let expected = format!("{before}{BEGIN}{}{END}{after}", table());
    if page == expected {
        return Ok(());
    }
    Err(format!(
        "{PAGE} has another scoreboard than crates/xtask/src/scoreboard.rs: run cargo xtask scoreboard"
    ))
}

/// Writes the table into the page.
pub(crate) fn write(root: &Path) -> Outcome {
    let page = read(root)?;
    let (before, after) = parts(&page)?;
    let page = format!("{before}{BEGIN}{}{END}{after}", table());
    fs::write(root.join(PAGE), page).map_err(|error| format!("{PAGE}: {error}"))
}

fn read(root: &Path) -> Outcome<String> {
    fs::read_to_string(root.join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))
}

fn parts(page: &str) -> Outcome<(&str, &str)> {
    let missing = || format!("{PAGE} has no marks for the scoreboard");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok((before, after))
}

fn table() -> String {
    let mut text = "| | ZooKeeper 3.9 | ClickHouse Keeper | RaftKeeper | etcd | Castle | Shown by |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_owned();
    for (feature, [zookeeper, clickhouse, raft, etcd], castle, test) in ROWS {
        let test = if test.is_empty() { String::new() } else { format!("`{test}`") };
        let _ = writeln!(
            text,
            "| {feature} | {zookeeper} | {clickhouse} | {raft} | {etcd} | **{castle}** | {test} |"
        );
    }
    text
}

/// All Rust and Python below a directory.
fn gather(directory: &Path, sources: &mut String) -> Outcome {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            gather(&path, sources)?;
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "py") {
            *sources += &fs::read_to_string(&path).map_err(failed)?;
        }
    }
    Ok(())
}
