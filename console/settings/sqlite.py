"""The embedded database: SQLite in WAL mode, with writers that wait instead of failing."""
from __future__ import annotations

from pathlib import Path
from typing import Any

# IMMEDIATE takes the write lock when a transaction begins, so two writers queue up instead of one
# of them failing half way.
PRAGMAS = (
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA cache_size=-20000;"
    "PRAGMA mmap_size=134217728;"
    "PRAGMA journal_size_limit=27103364;"
    "PRAGMA temp_store=MEMORY;"
)


def sqlite_database(path: Path) -> dict[str, Any]:
    """Django's database settings for one SQLite file on a local disk."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": PRAGMAS},
    }
