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

/// Memory of the machine in bytes.
pub fn memory_bytes() -> u64 {
    let system = rustix::system::sysinfo();
    (system.totalram as u64).saturating_mul(u64::from(system.mem_unit.max(1)))
}

/// What else the system knows of this process.
#[derive(Clone, Copy, Default, Debug)]
pub struct Facts {
    /// Its threads.
    pub threads: u64,
    /// Its address space in bytes.
    pub virtual_bytes: u64,
    /// When it began, in seconds since 1970.
    pub started_seconds: f64,
}

/// Zeros where the system does not tell.
pub fn facts() -> Facts {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in front may have blanks and parentheses itself.
    let fields: Vec<u64> = (text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace())
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
    let booted = fs::read_to_string("/proc/stat").unwrap_or_default();
    let booted = booted.lines().find_map(|line| line.strip_prefix("btime "));
    let booted: f64 = booted.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or(0.0);
    Facts {
        threads: field(20),
        virtual_bytes: field(23),
        started_seconds: booted + field(22) as f64 / TICKS_A_SECOND,
    }
}

/// The unit of times in `/proc`, the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;
