"""albumentations in an environment of its own: the peer that augmentation is held against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.embedded.state import ROOT

VERSION = "2.0.8"
SHAPELY = "shapely==2.2.0"
SIDE = Path(__file__).with_name("albumentations_side.py")


def environment() -> Path | str:
    """The Python of an environment with albumentations, made when absent; a sentence when it cannot
    be. GATEHOUSE_ALBUMENTATIONS_ENV names an existing one; else it lies in the state folder.
    """
    named = os.environ.get("GATEHOUSE_ALBUMENTATIONS_ENV")
    state = Path(os.environ.get("GATEHOUSE_STATE") or ROOT / "var")
    folder = Path(named) if named else state / f"albumentations-{VERSION}"
    python = folder / "bin" / "python"
    probe = [str(python), "-c", "import albumentations, shapely"]
    if python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return python
    steps = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", f"albumentations=={VERSION}", SHAPELY],
    )
    for command in steps:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"albumentations {VERSION} cannot be installed: {done.stderr.strip()[-300:]}"
    return python


class Peer:
    """A started process that waits for its turn."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, case: str, times: int) -> float:
        """Seconds of running a case so often."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"case": case, "times": times}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "albumentations ended"
        return float(json.loads(answer)["seconds"])


@contextmanager
def opened(python: Path, sample: Path) -> Iterator[Peer]:
    """albumentations with a sample (picture, boxes, points of polygons) loaded."""
    environ = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1", "OMP_NUM_THREADS": "1"}
    environ.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [str(python), str(SIDE), str(sample)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ,
    )
    try:
        yield Peer(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)
