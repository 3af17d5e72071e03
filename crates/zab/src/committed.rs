//! Proof that a quorum has something on disk.

/// A value that a quorum made durable, and that every earlier one was delivered before. Only a
/// [`Peer`](crate::Peer) makes one, so whatever asks for it cannot be reached by a proposal alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    pub(crate) fn new(value: T) -> Self {
        Committed(value)
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.0
    }

    /// The value, without its proof.
    pub fn into_value(self) -> T {
        self.0
    }
}
