"""``from zookeeper import ZooKeeper``, the line that tutorials write, by way of ``castle_zookeeper``."""

from importlib import metadata as _metadata

from castle_zookeeper import ConnectionFailed, ZooKeeper

__all__ = ["ConnectionFailed", "ZooKeeper"]

_owners = sorted(set(_metadata.packages_distributions().get("zookeeper", [])))
if [owner for owner in _owners if owner != "castle-zookeeper-compat"]:
    raise ImportError(
        f"two distributions install the module `zookeeper` here: {', '.join(_owners)}. Uninstall one of them, "
        "or uninstall castle-zookeeper-compat and write `from castle_zookeeper import ZooKeeper`."
    )
