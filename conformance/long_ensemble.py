"""Ensembles of both kinds at once, each kind leading, following and observing, and the replacement of one by the other:
`cargo xtask conformance ensemble`. One mixture is part of every test run: see test_ensemble.py."""

from __future__ import annotations

import pathlib
import subprocess
from typing import List

import pytest

from ensemble import CASTLE, Ensemble, Load, wait_for
from keepers import TOOLS
from test_ensemble import survives_its_leader

JAVA = "3.9"
OLD = "3.8"

MIXTURES = [
    [CASTLE, JAVA, JAVA],
    [JAVA, CASTLE, JAVA],
    [JAVA, JAVA, CASTLE],
    [CASTLE, CASTLE, JAVA],
    [OLD, CASTLE, OLD],
    [OLD, OLD, CASTLE],
]


@pytest.mark.parametrize("lines", MIXTURES, ids="-".join)
def test_a_mixture_serves_and_survives_its_leader(lines: List[str], tmp_path: pathlib.Path) -> None:
    """The member with the greatest number leads a new ensemble, so each implementation leads and follows."""
    survives_its_leader(lines, tmp_path)


@pytest.mark.parametrize("lines", [[JAVA, JAVA, JAVA, CASTLE], [CASTLE, CASTLE, CASTLE, JAVA]], ids="-".join)
def test_an_observer_of_the_other_kind(lines: List[str], tmp_path: pathlib.Path) -> None:
    with Ensemble(lines, tmp_path, observers=[4]) as ensemble:
        observer = ensemble[4]
        assert observer.mode() == "observer"
        client = observer.client()
        client.create("/through-the-observer", b"1")
        client.create("/its-ephemeral", ephemeral=True)
        with Load(ensemble.hosts) as load:
            load.wait_acknowledged(50)
            observer.kill()
            load.wait_acknowledged(20)
            observer.start()
            ensemble.wait_serving()
            load.wait_acknowledged(20)
        client.stop()
        client.close()
        load.assert_kept(observer)
        ensemble.assert_equal()


def test_rolling_replacement_there_and_back(tmp_path: pathlib.Path) -> None:
    """What docs/replacing-an-ensemble.md says, in its order: followers first, the leader last."""
    with Ensemble([JAVA] * 3, tmp_path) as ensemble, Load(ensemble.hosts) as load:
        for line in (CASTLE, JAVA):
            leader = ensemble.leader()
            for member in [it for it in ensemble.members if it is not leader] + [leader]:
                load.wait_acknowledged(10)
                member.stop()
                member.line = line
                member.start()
                ensemble.wait_serving()
                wait_synced(ensemble)
        load.wait_acknowledged(10)
        load.end()
        load.assert_kept(ensemble[1])
        ensemble.assert_equal()
        print(f"{load.count()} writes, longest pause {load.longest_pause():.2f} s")


def wait_synced(ensemble: Ensemble) -> None:
    """The leader counts all others as synced."""
    def synced() -> bool:
        for line in ensemble.leader().word("mntr").splitlines():
            if line.startswith("zk_synced_followers"):
                return float(line.split()[1]) >= len(ensemble.running()) - 1
        return False
    wait_for("all followers are synced", synced)


def test_curators_recipes_hold_while_leaders_are_killed(tmp_path: pathlib.Path) -> None:
    """Locks exclude, leaders are one, members are known, through the death of three leaders."""
    jars, program = TOOLS / "jars" / "curator", pathlib.Path(__file__).parent / "java" / "CuratorRecipes.java"
    with Ensemble([CASTLE] * 3, tmp_path) as ensemble:
        recipes = subprocess.Popen(
            ["java", "-Xmx256m", "-cp", f"{jars}/*", str(program), ensemble.hosts, "recipes", "12"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, killed = [], 0
        try:
            assert recipes.stdout is not None
            for line in recipes.stdout:
                said.append(line)
                # In the middle of rounds 1, 4 and 7: right behind the end of the one before.
                if line.strip() in ("round 0", "round 3", "round 6"):
                    leader = ensemble.leader()
                    leader.kill()
                    killed += 1
                    wait_for("another leads", lambda: any(it.mode() == "leader" for it in ensemble.running()))
                    leader.start()
            assert recipes.wait(60) == 0 and said[-1].strip() == "passed", "".join(said[-40:])
        finally:
            recipes.kill()
            recipes.wait()
        assert killed == 3
        ensemble.wait_serving()
        ensemble.assert_equal()
