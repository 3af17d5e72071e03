//! The broker node: one file per API over partitions, coordinators and the cluster view.
