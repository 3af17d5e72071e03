//! The versions that brokers of one cluster use among themselves: not negotiated but configured, by
//! `inter.broker.protocol.version`.
//!
//! Source: `MetadataVersion` of Apache Kafka 3.9 (which request version belongs to which release).

use std::collections::BTreeMap;

/// The configured version, as (major, minor).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct InterBrokerProtocol(u16, u16);

impl InterBrokerProtocol {
    /// From the broker's properties; 3.9 if nothing is set, or nothing that can be read.
    pub(crate) fn of(properties: &BTreeMap<String, String>) -> Self {
        let text = properties.get("inter.broker.protocol.version").map_or("3.9", String::as_str);
        let mut numbers = text.split(['.', '-']).map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => InterBrokerProtocol(major, minor),
            _ => InterBrokerProtocol(3, 9),
        }
    }

    fn since(self, minor: u16) -> bool {
        self >= InterBrokerProtocol(3, minor)
    }

    pub(crate) fn leader_and_isr(self) -> i16 {
        match self {
            _ if self.since(4) => 7,
            _ if self.since(2) => 6,
            _ => 5,
        }
    }

    pub(crate) fn stop_replica(self) -> i16 {
        if self.since(4) { 4 } else { 3 }
    }

    pub(crate) fn update_metadata(self) -> i16 {
        if self.since(4) { 8 } else { 7 }
    }

    /// `by_id`: whether all topics have ids.
    pub(crate) fn fetch(self, by_id: bool) -> i16 {
        match self {
            _ if !by_id || !self.since(1) => 12,
            _ if self.since(9) => 17,
            _ if self.since(7) => 16,
            _ if self.since(5) => 15,
            _ => 13,
        }
    }

    pub(crate) fn list_offsets(self) -> i16 {
        if self.since(9) {
            9
        } else if self.since(5) {
            8
        } else {
            7
        }
    }

    pub(crate) fn alter_partition(self) -> i16 {
        match self {
            _ if self.since(5) => 3,
            _ if self.since(3) => 2,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_the_configured_release() {
        let check = |text: &str, expect: [i16; 5]| {
            let properties = BTreeMap::from([("inter.broker.protocol.version".into(), text.into())]);
            let ibp = InterBrokerProtocol::of(&properties);
            let versions = [
                ibp.leader_and_isr(),
                ibp.stop_replica(),
                ibp.update_metadata(),
                ibp.fetch(true),
                ibp.alter_partition(),
            ];
            assert_eq!(versions, expect, "{text}");
        };
        check("3.9", [7, 4, 8, 17, 3]);
        check("3.9-IV0", [7, 4, 8, 17, 3]);
        check("3.7", [7, 4, 8, 16, 3]);
        check("3.5-IV2", [7, 4, 8, 15, 3]);
        check("3.3", [6, 3, 7, 13, 2]);
        check("2.8", [5, 3, 7, 12, 1]);
        check("garbage", [7, 4, 8, 17, 3]);
        let unset = InterBrokerProtocol::of(&BTreeMap::new());
        assert_eq!((unset.leader_and_isr(), unset.fetch(false)), (7, 12));
    }
}
