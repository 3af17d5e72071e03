//! ZooKeeper's transaction log, snapshots and epoch files on disk.
