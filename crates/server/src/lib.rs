//! Roles put together: threads, clocks, sockets and disks around the nodes.

pub mod config;
