"""How long writes pause when the leader of three is killed, or frozen: five runs each of Castle's servers, of a mixture
and of the original's. `python failover.py [--runs N]`; CASTLE names the binary."""

from __future__ import annotations

import argparse
import logging
import pathlib
import statistics
import tempfile
import time
from typing import List

from ensemble import CASTLE, Ensemble, Load

MIXTURES = {"castle": [CASTLE] * 3, "mixed": [CASTLE, "3.9", CASTLE], "java": ["3.9"] * 3}


def pause(lines: List[str], frozen: bool, directory: pathlib.Path) -> float:
    """Seconds without an acknowledged write after the leader stopped."""
    with Ensemble(lines, directory) as ensemble, Load(ensemble.hosts, clients=4, timeout=30.0) as load:
        leader = ensemble.leader()
        began = time.monotonic()
        leader.freeze() if frozen else leader.kill()
        # Those that were under way are acknowledged within a moment; the next ones have a new leader.
        time.sleep(0.1)
        load.wait_acknowledged(20)
        found = load.longest_pause(since=began - 0.5)
        if frozen:
            leader.thaw()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=list(MIXTURES))
    arguments = parser.parse_args()
    # Clients tell of every connection that breaks, and here they all do.
    logging.disable(logging.CRITICAL)
    for how in ("killed", "frozen"):
        for name, lines in MIXTURES.items():
            if arguments.only not in (None, name):
                continue
            found = []
            for _ in range(arguments.runs):
                with tempfile.TemporaryDirectory() as directory:
                    found.append(pause(lines, how == "frozen", pathlib.Path(directory)))
            print(f"{how:7} {name:7} median {statistics.median(found):6.2f} s   "
                  + " ".join(f"{seconds:.2f}" for seconds in found), flush=True)


if __name__ == "__main__":
    main()
