//! The event loop: one thread, its sockets, its timers, one turn at a time.
