"""Short runs of what `cargo xtask conformance differential-keeper` and `soak-keeper` do at length."""

from __future__ import annotations

import pathlib
import resource

import pytest

from differential_keeper import differ
from keepers import CASTLE, Keeper
from soak_keeper import SETTINGS, soak


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_history_on_castle_and_on_the_original(seed: int, tmp_path: pathlib.Path) -> None:
    run = differ(tmp_path, "3.9", 4000, seed)
    assert run.events > 100 and run.total() >= 4000


def test_sessions_come_and_go_and_leave_nothing(tmp_path: pathlib.Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Keeper(CASTLE, tmp_path, settings=SETTINGS) as keeper:
        seen = soak(keeper, 5, 200, 1)
    assert seen["events"] > 100
