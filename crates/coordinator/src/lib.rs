//! Consumer groups and their offsets as a log-replicated state machine.
