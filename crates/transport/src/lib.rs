//! Frames over TCP and over in-process pipes, bounded both ways.
