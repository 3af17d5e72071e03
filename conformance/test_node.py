"""kafkajs."""

import os
import pathlib
import subprocess


def test_kafkajs_makes_its_round_trip(castle, name, tool):
    done = subprocess.run(
        ["node", str(pathlib.Path(__file__).parent / "node" / "kafkajs.mjs"), castle.broker, name],
        capture_output=True, text=True, timeout=240,
        env={**os.environ, "NODE_MODULES": str(tool("node/node_modules")), "KAFKAJS_NO_PARTITIONER_WARNING": "1"})
    assert done.returncode == 0 and done.stdout.strip().endswith("passed"), done.stdout + done.stderr
