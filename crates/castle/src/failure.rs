//! How a command fails: a message that names the cause and the fix, and a stable exit code.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Exit codes. They are part of the interface: scripts depend on them. (2 is clap's, for arguments.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Code {
    /// What was asked for did not work.
    Failed = 1,
    /// A configuration file cannot be honoured.
    Configuration = 3,
    /// A port is taken, or an address is not this machine's.
    Address = 4,
    /// A data directory is locked, full, read-only, damaged, or another cluster's.
    Data = 5,
    /// A write or sync failed while running.
    Disk = 6,
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    message: String,
}

impl Failure {
    /// `message` says what is wrong and what to do, without a final stop.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Failure { code, message: message.into() }
    }

    /// A failure of the general kind.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Failure::new(Code::Failed, message)
    }

    /// The same failure with more to say at the end.
    pub(crate) fn with(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    pub(crate) fn report(self) -> ExitCode {
        let _ = writeln!(std::io::stderr(), "castle: {}", self.message);
        ExitCode::from(self.code as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::failed(error.to_string())
    }
}
