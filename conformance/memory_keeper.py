"""What a keeper needs for very much: a million znodes, a million watches, a long list of children; how fast it starts
with them; and what a snapshot does to the latency of writes meanwhile.

    python memory_keeper.py [--znodes 1000000] [--watches 1000000] [--line 3.9]
    python memory_keeper.py --children 10000000

With `--line` the first is the original instead, with a heap of 3 GiB at most. `--children` puts that many empty znodes under
one parent, and tells what each operation there costs and how long two starts take.
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


def children(keeper: Keeper, count: int) -> None:
    """What operations cost below and on a parent with `count` children, and how long starts take."""
    keeper.start()
    idle = keeper.resident_kib()
    connection = zk.Connection(keeper.address)
    fill(connection, [connection.request(zk.CREATE, zk.create(path, b"")) for path in ("/m", "/l")])
    began = time.monotonic()
    for start in range(0, count, 100_000):
        fill(connection, [connection.request(zk.CREATE, zk.create(f"/m/{number:019d}", b""))
                          for number in range(start, min(count, start + 100_000))])
    print(f"children: {count} in {time.monotonic() - began:.0f} s; {keeper.resident_kib() - idle} KiB", flush=True)

    def timed(what: str, operation: int, payload) -> None:
        found = []
        for number in range(1000):
            began = time.perf_counter()
            assert connection.ask(operation, payload(number)).error == 0, what
            found.append((time.perf_counter() - began) * 1e6)
        found.sort()
        print(f"  {what}: p50 {found[500]:.0f}, p99 {found[990]:.0f}, max {found[-1]:.0f} us", flush=True)

    def old(number: int) -> str:
        return f"/m/{number * count // 1000:019d}"

    timed("create", zk.CREATE, lambda number: zk.create(f"/m/new-{number}", b""))
    timed("set", zk.SET_DATA, lambda number: zk.set_data(old(number), b"x"))
    timed("exists of the parent", zk.EXISTS, lambda number: zk.path_watch("/m"))
    timed("get", zk.GET_DATA, lambda number: zk.path_watch(old(number)))
    timed("delete", zk.DELETE, lambda number: zk.path_version(f"/m/new-{number}"))
    other = zk.Connection(keeper.address)
    began = time.monotonic()
    connection.send(connection.request(zk.GET_CHILDREN, zk.path_watch("/m")))
    waited = time.monotonic()
    assert other.ask(zk.GET_DATA, zk.path_watch(old(1))).error == 0
    print(f"  somebody else's get during getChildren: {(time.monotonic() - waited) * 1000:.0f} ms", flush=True)
    try:
        reply = connection.reply()
        print(f"  getChildren: error {reply.error}, {len(reply.body)} bytes, {time.monotonic() - began:.1f} s", flush=True)
    except (OSError, EOFError) as ended:
        print(f"  getChildren: {ended!r}", flush=True)
    print(f"  resident at last: {keeper.resident_kib()} KiB", flush=True)
    other.close()
    connection.close()
    keeper.stop()
    for source in ("the log", "a snapshot"):
        keeper.settings = {**SETTINGS, "snapCount": "20"}
        began = time.monotonic()
        keeper.start()
        print(f"start from {source}: {time.monotonic() - began:.1f} s, {keeper.resident_kib()} KiB", flush=True)
        latencies(keeper, 8, threading.Event(), [])
        keeper.stop()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--znodes", type=int, default=1_000_000)
    parser.add_argument("--watches", type=int, default=1_000_000)
    parser.add_argument("--line", default=CASTLE, help="which server: castle, or a version of the original")
    parser.add_argument("--synced", action="store_true", help="with forceSync, as in production")
    parser.add_argument("--children", type=int, help="only this: so many children of one parent")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="castle-memory-"))
    settings = dict(SETTINGS)
    # The last of equal flags counts.
    keeper = Keeper(options.line, work, settings=settings, flags=["-Xmx3g"])
    try:
        if options.children:
            children(keeper, options.children)
            return 0
        keeper.start()
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
