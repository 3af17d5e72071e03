//! create2, createContainer and createTTL: answered by path and stat.

use zookeeper_wire::Stat;
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::Txn;

pub(super) fn answer(txn: &Txn, stat: &Stat, writer: &mut Writer) {
    let path = match txn {
        Txn::Create(txn) | Txn::Create2(txn) => &txn.path,
        Txn::CreateContainer(txn) => &txn.path,
        Txn::CreateTtl(txn) => &txn.path,
        other => unreachable!("a create becomes no {other:?}"),
    };
    writer.text(path);
    writer.record(stat);
}
