//! New certificates without a restart: a thread that looks whether the files have changed.

use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};
use transport::tls::{Settings, StoreError};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Ends when dropped.
#[derive(Debug)]
pub(crate) struct CertificateWatch {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CertificateWatch {
    /// Watches the files of `settings`, and has them read anew by `reload` when they change. Files that are broken
    /// or half written change nothing, and are told once.
    pub(crate) fn start(
        settings: Settings,
        reload: impl Fn(&Settings) -> Result<(), StoreError> + Send + 'static,
    ) -> io::Result<CertificateWatch> {
        let (end, ended) = channel();
        let mut before = stamps(&settings);
        let watch = move || {
            while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                let now = stamps(&settings);
                if now == before {
                    continue;
                }
                match reload(&settings) {
                    Ok(()) => tracing::info!("new certificates are in use for new connections"),
                    Err(error) => {
                        tracing::warn!(%error, "the certificates have changed, and the old ones stay in use")
                    }
                }
                before = now;
            }
        };
        let thread = thread::Builder::new().name("certificates".to_owned()).spawn(watch)?;
        Ok(CertificateWatch { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for CertificateWatch {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What tells that a file is another: when it was written, and its length.
fn stamps(settings: &Settings) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &Path| {
        let data = path.metadata().ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    settings.files().map(stamp).collect()
}
