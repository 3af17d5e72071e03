//! The broker as its clients see it: whole conversations over a disk in memory and a scripted keeper.

mod cluster;
mod crashes;
mod data_plane;
mod long_poll;
mod pipelined;
mod work;
