//! setData: answered by the stat.

use zookeeper_wire::Stat;
use zookeeper_wire::jute::Writer;

pub(super) fn answer(stat: &Stat, writer: &mut Writer) {
    writer.record(stat);
}
