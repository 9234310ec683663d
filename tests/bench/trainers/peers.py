"""The other trainers, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.embedded.state import ROOT

HERE = Path(__file__).parent
TORCH = "torch==2.13.0"
TIMEOUT_S = 900


@dataclass(frozen=True)
class Trainer:
    """One peer: its version, what has to be installed for it, in steps, and the script it runs."""

    name: str
    version: str
    installs: tuple[tuple[str, ...], ...]
    probe: str
    script: Path


TRL = Trainer(
    "trl",
    "1.16.0",
    ((TORCH, "transformers==5.23.0", "trl==1.16.0", "peft", "accelerate", "pillow"),),
    "import trl",
    HERE / "trl_side.py",
)
SWIFT = Trainer(
    "ms-swift",
    "4.6.0",
    (
        (TORCH,),
        (TORCH, "ms-swift==4.6.0", "qwen_vl_utils"),
        ("--no-deps", "torchvision==0.28.0"),
    ),
    "import importlib.util as u, sys; sys.exit(not u.find_spec('swift'))",
    HERE / "swift_side.py",
)
TRAINERS = (TRL, SWIFT)


def environment(trainer: Trainer) -> Path | str:
    """The Python of a trainer's environment, made when absent; a sentence when it cannot be.

    GATEHOUSE_TRAINERS names the folder of existing ones; else they lie in the state folder.
    """
    state = Path(os.environ.get("GATEHOUSE_STATE") or ROOT / "var")
    home = Path(os.environ.get("GATEHOUSE_TRAINERS") or state / "trainers")
    folder = home / f"{trainer.name}-{trainer.version}"
    python = folder / "bin" / "python"
    probe = [str(python), "-c", trainer.probe]
    if python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    steps = [
        [sys.executable, "-m", "venv", str(folder)],
        *([*pip, *names] for names in trainer.installs),
    ]
    for command in steps:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"{trainer.name} cannot be installed: {done.stderr.strip()[-300:]}"
    return python


def timed(python: Path | str, script: Path, arguments: list[str]) -> dict[str, Any]:
    """What a side prints as its last line: {"seconds", "steps", "peak_bytes"}."""
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    environ["PYTHONPATH"] = str(ROOT) if script.name == "own_side.py" else ""
    done = subprocess.run(
        [str(python), str(script), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    out: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return out
