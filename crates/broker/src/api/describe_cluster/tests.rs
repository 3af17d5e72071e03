//! DescribeCluster.

use kafka_wire::ErrorCode;
use kafka_wire::message::describe_cluster::DescribeClusterRequest;

use crate::testing::World;

#[test]
fn the_cluster_is_described_in_every_version() {
    let mut world = World::new();
    for version in 0..=2 {
        let request =
            DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
        let response = world.call(version, &request);
        assert_eq!(response.error_code, ErrorCode::NONE);
        assert_eq!((response.controller_id, response.brokers.len()), (0, 1));
        assert_eq!((response.brokers[0].host.as_str(), response.brokers[0].port), ("broker.test", 9092));
        assert!(world.keeper.text("/cluster/id").unwrap().contains(&response.cluster_id));
        assert!(response.cluster_authorized_operations > 0);
    }
    let controllers = DescribeClusterRequest { endpoint_type: 2, ..Default::default() };
    assert_eq!(world.call(1, &controllers).error_code, ErrorCode::MISMATCHED_ENDPOINT_TYPE);
}
