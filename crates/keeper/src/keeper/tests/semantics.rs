//! What clients rely on, as the original does it: numbers in stats, order of errors, who hears of what.

use crate::config::KeeperConfig;
use crate::talk::{check, check_with};

#[test]
fn child_versions_count_creates_and_deletes_and_sequence_numbers_only_creates() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /p x
        1 < create /p @2
        1 > create /p/s- x s
        1 < create /p/s-0000000000 @3
        1 > create /p/plain x
        1 < create /p/plain @4
        1 > delete /p/plain
        1 < delete ok @5
        1 > exists /p
        1 < exists v0 c3 a0 n1 @5
        1 > create /p/s- x s
        1 < create /p/s-0000000002 @6
        # The prefix may be empty.
        1 > create /p/ x s
        1 < create /p/0000000003 @7
        1 > set /p y
        1 < setData v1 c5 a0 n3 @8
        "#,
    );
}

#[test]
fn a_list_changes_nothing_but_its_own_version_and_nobody_hears_of_it() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /a x
        1 < create /a @2
        1 > get /a w
        1 < getData "x" v0 c0 a0 n0 @2
        1 > watch /a 0
        1 < addWatch 0 @2
        1 > set-acl /a
        1 < setACL v0 c0 a1 n0 @3
        1 > set /a y
        1 < event NodeDataChanged /a @4
        1 < setData v1 c0 a1 n0 @4
        "#,
    );
}

/// However many of a connection's watches a change trips, it hears of it once.
#[test]
fn one_change_is_one_event_for_a_connection() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /a x
        1 < create /a @2
        1 > get /a w
        1 < getData "x" v0 c0 a0 n0 @2
        1 > exists /a w
        1 < exists v0 c0 a0 n0 @2
        1 > ls /a w
        1 < getChildren [] @2
        1 > watch /a 0
        1 < addWatch 0 @2
        1 > watch / 1
        1 < addWatch 0 @2
        1 > set /a y
        1 < event NodeDataChanged /a @3
        1 < setData v1 c0 a0 n0 @3
        1 > delete /a
        1 < event NodeDeleted /a @4
        1 < delete ok @4
        "#,
    );
}

#[test]
fn which_error_wins_when_several_could() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /e x e
        1 < create /e @2
        # A bad mode before a bad path; a bad list before a missing parent.
        1 > create no-slash x 7
        1 < create BadArguments @3
        1 > create /none/a x bare
        1 < create InvalidACL @4
        1 > create /none/a x
        1 < create NoNode @5
        # A missing parent before a bad name below it; what exists before the ephemeral parent.
        1 > create /none/.. x
        1 < create NoNode @6
        1 > create /.. x
        1 < create BadArguments @7
        1 > create /e/a x
        1 < create NoChildrenForEphemerals @8
        1 > create /e x
        1 < create NodeExists @9
        1 > create / x
        1 < create NodeExists @10
        1 > delete /
        1 < delete BadArguments @11
        1 > delete /zookeeper
        1 < delete BadArguments @12
        "#,
    );
}

#[test]
fn a_time_to_live_needs_its_own_operation_and_a_bound() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        # As an ordinary create a container is a plain znode, and a timed one is nothing.
        1 > create /c x 4
        1 < create /c @2
        1 > create /t x 5
        1 < create BadArguments @3
        1 > create-ttl /t 0
        1 < createTTL BadArguments @4
        1 > create-ttl /t 1099511627776
        1 < createTTL BadArguments @5
        1 > create-ttl /t 1099511627775
        1 < createTTL /t v0 c0 a0 n0 @6
        "#,
    );
}

#[test]
fn timed_znodes_are_reaped_when_they_are_childless_and_were_not_changed() {
    check_with(
        KeeperConfig::default(),
        r#"
        1 > connect 60000
        1 < session for 60000 in 37 bytes
        1 > create-ttl /t 1000
        1 < createTTL /t v0 c0 a0 n0 @2
        1 > create-ttl /kept 1000
        1 < createTTL /kept v0 c0 a0 n0 @3
        1 > create /kept/child x
        1 < create /kept/child @4
        1 > exists /t w
        1 < exists v0 c0 a0 n0 @4
        wait 30000
        1 > ping
        1 < ping ok @4
        wait 30000
        1 < event NodeDeleted /t @5
        1 > exists /kept
        1 < exists v0 c1 a0 n1 @5
        "#,
    );
}
