"""PostgreSQL behind an ASGI server."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Every request has a thread of its own, and what Django keeps open for a thread ends with it. So
# connections are kept by a pool of the process: opening one takes longer than most requests.
POOL = {"min_size": 1, "max_size": 32, "timeout": 10}


def pooled(database: Mapping[str, Any]) -> dict[str, Any]:
    """Django's settings of a database, with a pool when it is PostgreSQL."""
    out = dict(database)
    if out.get("ENGINE") == "django.db.backends.postgresql":
        out["OPTIONS"] = {"pool": POOL, **out.get("OPTIONS", {})}
        out["CONN_MAX_AGE"] = 0
    return out
