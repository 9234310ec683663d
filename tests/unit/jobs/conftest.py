"""A console in memory, a client of it, settings in a temporary folder, children by script."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.client import HostClient
from jobs.messages import parse_claim
from jobs.settings import HostSettings
from jobs.supervisor import Supervisor
from tests.support.fake_console import TOKEN, FakeConsole, claim_of, serving

CHILD_HEAD = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder, write_json
from mlcore.run.hashing import tree_digest, tree_entries, file_sha256
from dataclasses import asdict
arguments = sys.argv[1:]
folder = RunFolder(Path(arguments[arguments.index("--run-dir") + 1]))
attempt = int(arguments[arguments.index("--attempt") + 1])
events = EventWriter(folder.events(attempt))
"""
"""what every scripted child begins with: it is started exactly as `python -m mlcore` would be"""


@pytest.fixture
def console() -> Iterator[FakeConsole]:
    with serving(FakeConsole()) as fake:
        yield fake


@pytest.fixture
def client(console: FakeConsole) -> Iterator[HostClient]:
    made = HostClient(console.url, TOKEN, tries=2, timeout_s=5.0)
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, console: FakeConsole) -> HostSettings:
    return HostSettings(
        url=console.url, token=TOKEN, state=tmp_path, allowed_roots=str(tmp_path), grace_s=1.0
    )


@pytest.fixture
def shutdown() -> threading.Event:
    return threading.Event()


Launch = Callable[..., Supervisor]


@pytest.fixture
def launch(
    console: FakeConsole, client: HostClient, settings: HostSettings, shutdown: threading.Event
) -> Launch:
    """A supervisor whose child is the given script: `launch(script, **changes of the claim)`."""

    def make(script: str, *, options: dict[str, Any] | None = None, **changes: Any) -> Supervisor:
        path = settings.state / "child.py"
        path.write_text(CHILD_HEAD + script, encoding="utf-8")
        chosen = replace(settings, program=(sys.executable, str(path)), **(options or {}))
        claim = parse_claim(claim_of(console, **changes))
        return Supervisor(client, claim, chosen, heartbeat_s=0.1, shutdown=shutdown)

    return make
