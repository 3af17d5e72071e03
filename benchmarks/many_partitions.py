"""What many partitions cost a Castle broker, and how soon it is ready with them after the power went.

    many_partitions.py [--partitions N] [--gigabytes G] [--idle N] [--directory D]

First: N partitions over which G GB are spread in sparse segments, the recovery points where a broker that was killed
would have left them, and no mark of a clean stop; time from exec to an answer about topics, memory, open files. Then: idle
partitions, each with one small batch; memory, open files, time of a clean stop and of the start after it. The files
are made by this program, so nothing of it is measured. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "conformance"))

from batches import Batch, Record  # noqa: E402
from castle import BINARY  # noqa: E402
from cluster import castle_keeper, free_port  # noqa: E402
from kafkawire import Api, Closed, Connection  # noqa: E402

TOPIC = "wide"
METADATA = Api("metadata")
#: A batch spans this much of a sparse segment: its header is read, its records are a hole.
SPAN = 16 << 20
READY_SECONDS = 300.0


def batch(base_offset: int, bytes_long: int = 0) -> bytes:
    data = bytearray(Batch([Record(value=b"x" * 100)], base_offset=base_offset, leader_epoch=0).build())
    if bytes_long:
        data[8:12] = (bytes_long - 12).to_bytes(4, "big")
    return bytes(data)


def partition(logs: pathlib.Path, number: int, bytes_long: int, is_sparse: bool) -> int:
    """Makes the directory of one partition; returns the offset behind its last record."""
    home = logs / f"{TOPIC}-{number}"
    home.mkdir()
    (home / "leader-epoch-checkpoint").write_text("0\n1\n0 0\n")
    with open(home / f"{0:020}.log", "wb") as log:
        if not is_sparse:
            log.write(batch(0))
            return 1
        spans = max(bytes_long // SPAN, 1)
        size = bytes_long // spans
        entries = b""
        for at in range(spans):
            log.seek(at * size)
            log.write(batch(at, size))
            entries += at.to_bytes(4, "big") + (at * size).to_bytes(4, "big")
        # What had been appended since the last sync: one whole batch.
        log.seek(spans * size)
        log.write(batch(spans))
    (home / f"{0:020}.index").write_bytes(entries)
    (home / f"{0:020}.timeindex").write_bytes((1000).to_bytes(8, "big") + (spans - 1).to_bytes(4, "big"))
    return spans


def checkpoint(path: pathlib.Path, offsets: list[int]) -> None:
    lines = "".join(f"{TOPIC} {number} {offset}\n" for number, offset in enumerate(offsets))
    path.write_text(f"0\n{len(offsets)}\n{lines}")


class Broker:
    def __init__(self, home: pathlib.Path, keeper: str) -> None:
        self.home, self.logs, self.port = home, home / "logs", free_port()
        self.logs.mkdir(parents=True)
        self.config = home / "server.properties"
        self.config.write_text(
            f"broker.id=1\nlisteners=PLAINTEXT://127.0.0.1:{self.port}\nlog.dirs={self.logs}\n"
            f"zookeeper.connect={keeper}\n"
        )

    def start(self) -> float:
        """Seconds from exec until a request about topics is answered: every log is open and the broker registered."""
        began = time.monotonic()
        with open(self.home / "output.log", "ab") as log:
            self.process = subprocess.Popen([str(BINARY), "broker", str(self.config)], stdout=log, stderr=log)
        while True:
            try:
                Connection(f"127.0.0.1:{self.port}", READY_SECONDS).call(METADATA, 1, {"topics": []})
                return time.monotonic() - began
            except (OSError, Closed):
                if self.process.poll() is not None or time.monotonic() - began > READY_SECONDS:
                    raise RuntimeError((self.home / "output.log").read_text()[-3000:]) from None
                time.sleep(0.002)

    def stop(self) -> float:
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(600) == 0, (self.home / "output.log").read_text()[-3000:]
        return time.monotonic() - began

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def measures(self) -> dict[str, float]:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return {
            "resident_MiB": int(resident.split()[1]) / 1024,
            "open_files": len(os.listdir(f"/proc/{self.process.pid}/fd")),
            "cpu_seconds": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        }


def unclean(home: pathlib.Path, keeper: str, partitions: int, gigabytes: float) -> dict[str, float]:
    broker = Broker(home, keeper)
    each = int(gigabytes * 1e9 / partitions)
    offsets = [partition(broker.logs, number, each, is_sparse=True) for number in range(partitions)]
    checkpoint(broker.logs / "recovery-point-offset-checkpoint", offsets)
    ready = broker.start()
    measures = {"ready_after_unclean_stop_s": ready, **broker.measures()}
    broker.kill()
    return measures


def idle(home: pathlib.Path, keeper: str, partitions: int) -> dict[str, float]:
    """After an unclean stop all logs are dirty, since nobody knows what is on the disk: the costliest clean stop."""
    broker = Broker(home, keeper)
    for number in range(partitions):
        partition(broker.logs, number, 0, is_sparse=False)
    first = broker.start()
    measures = {"ready_after_unclean_stop_s": first, **broker.measures()}
    measures["clean_stop_s"] = broker.stop()
    assert (broker.logs / ".kafka_cleanshutdown").exists(), "the stop was not clean"
    measures["ready_after_clean_stop_s"] = broker.start()
    measures["resident_after_clean_stop_MiB"] = broker.measures()["resident_MiB"]
    broker.kill()
    return measures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partitions", type=int, default=10_000)
    parser.add_argument("--gigabytes", type=float, default=100)
    parser.add_argument("--idle", type=int, default=20_000)
    parser.add_argument("--directory", type=pathlib.Path, help="where the files are made (default: a temporary one)")
    options = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="many-partitions-", dir=options.directory))
    keeper = castle_keeper(home / "keeper", free_port())
    try:
        keeper.start()
        result = {"partitions": options.partitions, "gigabytes": options.gigabytes}
        result |= unclean(home / "sparse", f"127.0.0.1:{keeper.port}/sparse", options.partitions, options.gigabytes)
        shutil.rmtree(home / "sparse")
        print(json.dumps(result, indent=1))
        result = {"idle_partitions": options.idle, **idle(home / "idle", f"127.0.0.1:{keeper.port}/idle", options.idle)}
        print(json.dumps(result, indent=1))
        return 0
    finally:
        keeper.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
