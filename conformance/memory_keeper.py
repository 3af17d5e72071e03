"""What a keeper needs for very much: a million znodes, a million watches, a long list of children; how fast it starts
with them; and what a snapshot does to the latency of writes meanwhile.

    python memory_keeper.py [--znodes 1000000] [--watches 1000000]
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile
import threading
import time
from typing import Dict, List

import zkwire as zk
from keepers import CASTLE, Keeper

BATCH = 500
SETTINGS = {"tickTime": "60000", "snapCount": "2000000000", "forceSync": "no"}


def fill(connection: zk.Connection, requests: List[bytes]) -> None:
    """Sends requests with some pipelined."""
    for start in range(0, len(requests), BATCH):
        batch = requests[start:start + BATCH]
        connection.send(b"".join(batch))
        for _ in batch:
            frame = connection.reply()
            assert frame.error == 0, frame


def latencies(keeper: Keeper, seconds: float, stop: threading.Event, found: List[float]) -> None:
    """How long creates take, one after the other."""
    connection = zk.Connection(keeper.address)
    number, end = 0, time.monotonic() + seconds
    while time.monotonic() < end and not stop.is_set():
        began = time.perf_counter()
        assert connection.ask(zk.CREATE, zk.create(f"/l/{number}-{began}", b"x" * 100)).error == 0
        found.append((time.perf_counter() - began) * 1000)
        number += 1
    connection.close()


def shown(found: List[float]) -> str:
    found = sorted(found)
    at = lambda share: found[min(len(found) - 1, int(len(found) * share))]  # noqa: E731
    return f"{len(found)} creates, p50 {at(0.5):.2f}, p99 {at(0.99):.2f}, p99.9 {at(0.999):.2f}, max {found[-1]:.2f} ms"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--znodes", type=int, default=1_000_000)
    parser.add_argument("--watches", type=int, default=1_000_000)
    parser.add_argument("--synced", action="store_true", help="with forceSync, as in production")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="castle-memory-"))
    settings = dict(SETTINGS)
    keeper = Keeper(CASTLE, work, settings=settings).start()
    try:
        idle = keeper.resident_kib()
        connection = zk.Connection(keeper.address)
        fill(connection, [connection.request(zk.CREATE, zk.create(path, b"")) for path in ("/m", "/l")])
        data = b"d" * 100
        began = time.monotonic()
        for start in range(0, options.znodes, 100_000):
            # 22 bytes: "/m/" and 19 digits.
            fill(connection, [connection.request(zk.CREATE, zk.create(f"/m/{number:019d}", data))
                              for number in range(start, min(options.znodes, start + 100_000))])
        full = keeper.resident_kib()
        print(f"znodes: {options.znodes} in {time.monotonic() - began:.0f} s; {full - idle} KiB above the idle {idle} KiB, "
              f"{(full - idle) * 1024 / options.znodes:.0f} bytes each", flush=True)
        reply = connection.ask(zk.EXISTS, zk.path_watch("/m"))
        print(f"children under one parent: {zk.Reader(reply.body).stat()[9]}", flush=True)
        before = keeper.resident_kib()
        watcher = zk.Connection(keeper.address)
        began = time.monotonic()
        for start in range(0, options.watches, 100_000):
            fill(watcher, [watcher.request(zk.GET_DATA, zk.path_watch(f"/m/{number % options.znodes:019d}", True))
                           for number in range(start, min(options.watches, start + 100_000))])
        after = keeper.resident_kib()
        print(f"watches: {options.watches} in {time.monotonic() - began:.0f} s; {after - before} KiB, "
              f"{(after - before) * 1024 / options.watches:.0f} bytes each", flush=True)
        watcher.close()
        connection.close()
        keeper.stop()
        # The first start replays the log; then a snapshot is due soon, while somebody writes.
        for name, more in (("from the log", {}), ("with a snapshot on the way", {"snapCount": "20"}), ("from a snapshot", {})):
            keeper.settings = {**settings, **more, **({"forceSync": "yes"} if options.synced else {})}
            began = time.monotonic()
            keeper.start()
            print(f"start {name}: {time.monotonic() - began:.2f} s, {keeper.resident_kib()} KiB", flush=True)
            found: List[float] = []
            latencies(keeper, 8, threading.Event(), found)
            print(f"  {shown(found)}", flush=True)
            keeper.stop()
    finally:
        keeper.kill()
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
