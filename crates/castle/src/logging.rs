//! Logs: one line each, on stderr, filtered by `CASTLE_LOG` or `RUST_LOG`.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging for a command that runs a server. `default` holds if no variable is set.
pub(crate) fn start(default: &str) {
    let wanted = std::env::var("CASTLE_LOG").or_else(|_| std::env::var("RUST_LOG"));
    let filter = match wanted {
        Ok(wanted) => EnvFilter::try_new(&wanted).unwrap_or_else(|error| {
            eprintln!("castle: the log filter {wanted:?} is not understood ({error}); using {default:?}");
            EnvFilter::new(default)
        }),
        Err(_) => EnvFilter::new(default),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A reader of the logs that went away is no reason to end.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .finish();
    // A second start in one process (tests) keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
