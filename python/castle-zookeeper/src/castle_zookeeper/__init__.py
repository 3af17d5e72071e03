"""A ZooKeeper client that connects when it is made.

``ZooKeeper`` is kazoo's ``KazooClient`` with three differences: the constructor connects (or raises an
error that names the fix), it is a context manager, and ``close`` ends the session.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Optional, Type

from kazoo.client import KazooClient
from kazoo.handlers.threading import KazooTimeoutError

__all__ = ["ConnectionFailed", "ZooKeeper"]


class ConnectionFailed(ConnectionError):
    """No server answered in time. The message names the addresses that were tried and what to do."""


class ZooKeeper(KazooClient):
    """A connected session.

    :param hosts: one or several ``host:port``, separated by commas, with an optional chroot at the end.
    :param connect_timeout: seconds to wait for the first connection.
    :param options: anything ``KazooClient`` takes.
    :raises ConnectionFailed: when no server answered within ``connect_timeout`` seconds.
    """

    def __init__(self, hosts: str = "localhost:2181", *, connect_timeout: float = 10.0, **options: Any) -> None:
        super().__init__(hosts=hosts, **options)
        try:
            self.start(timeout=connect_timeout)
        except KazooTimeoutError:
            super().stop()
            super().close()
            raise ConnectionFailed(
                f"no ZooKeeper server answered at {hosts} within {connect_timeout:g} s; "
                "start one with `castle dev`, or pass the address of yours: ZooKeeper('host:port')"
            ) from None

    def close(self) -> None:
        """Ends the session, so that its ephemeral znodes vanish at once. Safe to call twice."""
        self.stop()
        super().close()

    def __enter__(self) -> "ZooKeeper":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()
