//! create: answered by the path, with its digits if it was sequential.

use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::CreateTxn;

pub(super) fn answer(txn: &CreateTxn, writer: &mut Writer) {
    writer.text(&txn.path);
}
