"""The manifest: what ran, where, from which code and inputs. Written before the work starts.

With the files in `config/` and `config.resolved.json` it is all that `rerun` needs.
"""

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

_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "peft",
    "deepspeed",
    "numpy",
    "scipy",
    "shapely",
    "pydantic",
    "pillow",
    "opencv-python-headless",
    "ruamel.yaml",
)
"""what a figure of a run can depend on"""
_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_PROC_BIND",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_LAUNCH_BLOCKING",
    "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ALLOC_CONF",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "NCCL_ALGO",
    "NCCL_PROTO",
    "PYTHONHASHSEED",
    "TOKENIZERS_PARALLELISM",
    "WORLD_SIZE",
)
"""the only environment variables that are written down: none can hold a secret"""
_ROOT = Path(__file__).resolve().parents[2]


def build_manifest(
    *,
    kind: str,
    config_sha256: str,
    seed: int,
    attempt: int,
    sources: list[dict[str, str]],
    inputs: list[dict[str, str]],
    command: list[str],
) -> dict[str, Any]:
    """The manifest as JSON data.

    `sources` are {file, path, sha256} of every YAML of the chain, parents first: its copy in the
    run folder and where it was read. `inputs` are {path, type, ref, digest, folder}: which key of
    the config, what it names, and the content that lay where.
    """
    return {
        "schema": "manifest/2",
        "kind": kind,
        "config_sha256": config_sha256,
        "seed": seed,
        "attempt": attempt,
        "sources": sources,
        "inputs": inputs,
        "command": command,
        "started": utc_now(),
        "code": code_revision(),
        "versions": package_versions(),
        "host": machine(),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def machine() -> dict[str, Any]:
    """This machine, as far as figures and speed depend on it. Memory in bytes."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": _gpus(),
    }


def _cpu() -> str:
    """The processor's name; empty where the system does not tell."""
    try:
        rows = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), "")


def package_versions() -> dict[str, str]:
    """The installed version of every package that figures can depend on."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def code_revision() -> dict[str, Any]:
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
