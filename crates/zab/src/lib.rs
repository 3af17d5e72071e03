//! Zab as a pure state machine: history, proposals, quorums, commits.
