//! The tree of znodes with its sessions, watches, ACLs and transactions.
