//! multi: answered by the outcome of each operation, with `Ok` in the header even if it failed.

use zookeeper_wire::MultiResult;
use zookeeper_wire::jute::Writer;

pub(super) fn answer(results: &[MultiResult], writer: &mut Writer) {
    MultiResult::write_all(results, writer);
}
