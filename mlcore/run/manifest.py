"""The manifest: what ran, where, from which code and inputs. Written before the work starts."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from mlcore.run.events import utc_now

_PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pydantic", "opencv-python-headless")
_ROOT = Path(__file__).resolve().parents[2]


def build_manifest(
    *,
    kind: str,
    config_sha256: str,
    seed: int,
    attempt: int,
    inputs: list[dict[str, str]],
    command: list[str],
) -> dict[str, Any]:
    """The manifest as JSON data. `inputs` are {path, type, ref, digest}."""
    return {
        "schema": "manifest/1",
        "kind": kind,
        "config_sha256": config_sha256,
        "seed": seed,
        "attempt": attempt,
        "inputs": inputs,
        "command": command,
        "started": utc_now(),
        "code": _git(),
        "versions": _versions(),
        "host": {
            "name": platform.node(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "gpus": _gpus(),
        },
        "environment": {
            name: os.environ[name]
            for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "WORLD_SIZE")
            if name in os.environ
        },
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _git() -> dict[str, Any]:
    """Revision and dirtiness of the checkout; `revision` is null outside a checkout."""
    revision = _output(["git", "-C", str(_ROOT), "rev-parse", "HEAD"])
    if revision is None:
        return {"revision": None, "dirty": None}
    status = _output(["git", "-C", str(_ROOT), "status", "--porcelain", "--untracked-files=no"])
    return {"revision": revision, "dirty": bool(status)}


def _gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    listing = _output(["nvidia-smi", "--query-gpu=name,uuid", "--format=csv,noheader"])
    return listing.splitlines() if listing else []


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def command_line() -> list[str]:
    """How this process was started."""
    return [sys.executable, *sys.argv]
