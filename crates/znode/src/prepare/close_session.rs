//! closeSession: the session ends, and its ephemeral znodes with it.

use zookeeper_wire::ErrorCode;

use super::Desk;

impl Desk<'_> {
    /// The znodes that go, in order of their paths.
    pub(super) fn close_session(&mut self) -> Result<Vec<String>, ErrorCode> {
        let paths = self.outstanding.ephemerals(self.tree, self.asked.session);
        for path in &paths {
            let node = self.node(path)?;
            self.take_away(path, &node)?;
        }
        Ok(paths.into_iter().collect())
    }
}
