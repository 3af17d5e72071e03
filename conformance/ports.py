"""Ports for servers that are about to be started."""

import pathlib
import random
import socket

FIRST = 10_000


def bind(probe: socket.socket) -> int:
    """Binds `probe` to a port that is free, and that the kernel gives to nobody who connects or asks for any, so that it
    is still free when the server comes to take it."""
    given_away = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(200):
        port = random.SystemRandom().randrange(FIRST, given_away)
        try:
            probe.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue
    raise AssertionError(f"no free port between {FIRST} and {given_away}")
