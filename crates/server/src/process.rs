//! Facts about this process that the system knows: files, memory, processor time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;

/// Open file descriptors, and how many may be open.
pub fn open_files() -> (u64, u64) {
    let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
    (open, getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

/// Lets the process open as many files as the system allows at all. Shells often allow 1,024 of them,
/// which a server with as many clients cannot live with.
pub fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Resident memory in bytes; 0 if the system does not tell.
pub fn resident_bytes() -> u64 {
    let Ok(text) = fs::read_to_string("/proc/self/status") else { return 0 };
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Processor time used, in seconds.
pub fn cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
