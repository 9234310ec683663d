"""A free loopback port, the same one as last time where it is still free."""

from __future__ import annotations

import socket

from console.embedded.state import State, read_json, write_json


def is_free(port: int) -> bool:
    """True when a server could bind the port on the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of a server that just ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """A port that the system says is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def web_port(state: State, wanted: int | None = None) -> int:
    """The console's port: the wanted one, else last time's when free, else a free one. Kept."""
    kept = read_json(state.ports).get("web")
    port = wanted or (kept if isinstance(kept, int) and is_free(kept) else any_free())
    write_json(state.ports, {"web": port})
    return port
