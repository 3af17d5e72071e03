"""What the tests share: a running Castle for a whole session, a fresh one for a single test, and the
tools of the other languages, which `cargo xtask test` puts in place."""

from __future__ import annotations

import os
import pathlib
import uuid
from typing import Callable, Iterator

import pytest

from castle import ROOT, Castle

TOOLS = pathlib.Path(os.environ.get("CASTLE_TOOLS", ROOT / "target" / "conformance"))


@pytest.fixture(scope="session")
def castle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Castle]:
    """A server that all tests share, so none may depend on what else is in it."""
    server = Castle(tmp_path_factory.mktemp("shared"))
    with server:
        yield server
        assert server.alive(), f"castle died during the tests:\n{server.tail(200)}"


@pytest.fixture
def own_castle(tmp_path: pathlib.Path) -> Iterator[Castle]:
    """A server for this test alone, which it may kill and start as it likes."""
    server = Castle(tmp_path / "own")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def name() -> str:
    """A name that no other test uses: for topics, groups and znodes."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], pathlib.Path]:
    """The path of something that `cargo xtask test` installed; a missing one is a failure, never a skip."""

    def find(relative: str) -> pathlib.Path:
        path = TOOLS / relative
        assert path.exists(), f"{path} is missing: run `cargo xtask test`, which installs it"
        return path

    return find


def pytest_terminal_summary(terminalreporter) -> None:
    """Prints in full what ran twice: being late is no failure, but nobody shall overlook it."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"late, ran once more: {report.nodeid}", sep="_")
        terminalreporter.write_line(str(report.longrepr))
