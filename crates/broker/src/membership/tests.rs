//! A broker joins, leaves and comes back, over a scripted keeper.

use disk::MemoryDisk;

use crate::Event;
use crate::testing::World;

#[test]
fn a_first_broker_makes_the_cluster_and_leads_it() {
    let world = World::new();
    let keeper = &world.keeper;
    assert!(keeper.text("/cluster/id").unwrap().starts_with(r#"{"version":"1","id":""#));
    let text = keeper.text("/brokers/ids/0").unwrap();
    assert!(text.contains(r#""endpoints":["PLAINTEXT://broker.test:9092"]"#), "{text}");
    assert_eq!(keeper.text("/controller_epoch").as_deref(), Some("1"));
    assert!(keeper.text("/controller").unwrap().contains(r#""brokerid":0"#));
    assert_eq!(keeper.text("/feature").as_deref(), Some(r#"{"features":{},"version":2,"status":1}"#));
    for path in cluster::path::PERSISTENT {
        assert!(keeper.text(path).is_some(), "{path}");
    }
    let ready =
        world.events.iter().filter(|event| matches!(event, Event::Ready { broker_id: 0, .. })).count();
    assert_eq!(ready, 1, "{:?}", world.events);
}

#[test]
fn a_restart_finds_its_cluster_again() {
    let world = World::new();
    let id = world.keeper.text("/cluster/id");
    let disk: MemoryDisk = world.disk.clone();
    let world = world.restart(disk);
    assert_eq!(world.keeper.text("/cluster/id"), id);
    assert_eq!(world.keeper.text("/controller_epoch").as_deref(), Some("2"));
}
