"""Which checkpoints are written, which stay, which is the best, and which are still whole."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlcore.errors import DataError
from mlcore.run.events import EventWriter
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256
from mlcore.train.config import CheckpointConfig

READY = "READY"
STATE = "state.json"
BEST = "best.json"
DAMAGED = "checkpoint_damaged"
HASHERS = 4
"""files hashed at a time: SHA-256 of one file keeps one core busy"""


@dataclass(frozen=True)
class Best:
    """The best look so far: after which step, and what it measured."""

    step: int
    metric: str
    value: float


class Saving:
    """The policy of one run, on rank 0. `best` is restored from the checkpoint of a resume."""

    def __init__(self, config: CheckpointConfig, steps: int) -> None:
        self._config = config
        self._steps = steps
        self._told = False
        self.best: Best | None = None

    def delayed(self, done: int, epoch: float) -> bool:
        """Whether it is too early for checkpoints after `done` steps and `epoch` epochs."""
        config = self._config
        if config.delay_steps is not None:
            return done < config.delay_steps
        return config.delay_epochs is not None and epoch < config.delay_epochs

    def due(self, done: int, epoch: float) -> bool:
        """Whether a checkpoint is to be written after `done` steps."""
        if done == self._steps and self._config.save_last:
            return True
        return done % self._config.every_steps == 0 and not self.delayed(done, epoch)

    def judge(
        self, done: int, epoch: float, figures: Mapping[str, float], events: EventWriter
    ) -> bool:
        """Whether the look after `done` steps is better than all before: its checkpoint is then
        written and kept. Warns once when the figure that decides is not measured."""
        wanted = self._config.best
        if wanted is None or not figures or self.delayed(done, epoch):
            return False
        value = figures.get(wanted.metric, math.nan)
        if not math.isfinite(value):
            if not self._told:
                there = ", ".join(sorted(figures))
                events.warning(
                    "best_metric",
                    f"{wanted.metric} was not measured at step {done}, so nothing was judged; "
                    f"there were {there}",
                )
            self._told = True
            return False
        if self.best is not None:
            ahead = value - self.best.value
            if (ahead if wanted.more_is_better else -ahead) <= 0:
                return False
        self.best = Best(done, wanted.metric, value)
        return True

    def superfluous(self, saved: Sequence[Path]) -> list[Path]:
        """Which of the complete checkpoints, oldest first, go: all but the newest and the best."""
        best = None if self.best is None else f"step-{self.best.step}"
        return [path for path in saved[: -self._config.keep] if path.name != best]

    def point_at_best(self, folder: Path) -> None:
        """Write `best.json` beside the checkpoints, where there is a best, for people to read."""
        if self.best is not None:
            write_json(folder / BEST, asdict(self.best))


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of either type, oldest first."""
    return sorted((p for p in _folders(folder) if (p / READY).exists()), key=step_of)


def step_of(path: Path) -> int:
    """The step after which a checkpoint was made."""
    return int(path.name.removeprefix("step-"))


def read_state(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself."""
    state: dict[str, Any] = json.loads((path / STATE).read_text(encoding="utf-8"))
    return state


def digests(path: Path) -> dict[str, str]:
    """SHA-256 of every file of a checkpoint but the two that are written after them, by name."""
    files = sorted(
        file for file in path.rglob("*") if file.is_file() and file.name not in (STATE, READY)
    )
    with ThreadPoolExecutor(HASHERS) as pool:
        sums = list(pool.map(file_sha256, files))
    return {file.relative_to(path).as_posix(): sum_ for file, sum_ in zip(files, sums, strict=True)}


def damage(path: Path) -> str:
    """What is wrong with a complete checkpoint, naming the file; empty when it is as it was
    written. One of an older version has no digests and is taken as it is."""
    try:
        expected = read_state(path).get("files")
    except (OSError, ValueError) as error:
        return f"{STATE} cannot be read: {error}"
    if expected is None:
        return ""
    found = digests(path)
    for name, digest in expected.items():
        if name not in found:
            return f"{name} is missing"
        if found[name] != digest:
            return f"{name} is not what was written"
    return ""


def newest_good(folder: Path, events: EventWriter) -> Path | None:
    """The newest checkpoint that a run can go on from; None where there is none at all.

    Whatever is passed over, damaged or half-written, is told as a warning. Raises DataError when
    there are checkpoints and every one is damaged.
    """
    for path in sorted(_folders(folder), key=step_of):
        if not (path / READY).exists():
            events.warning(DAMAGED, f"{path.name} was never finished; it is passed over")
    for path in sorted(folder.glob(".step-*.tmp")):
        name = path.name.removeprefix(".").removesuffix(".tmp")
        events.warning(DAMAGED, f"{name} was being written when the run ended; it is passed over")
    reasons = []
    for path in reversed(checkpoints(folder)):
        reason = damage(path)
        if reason:
            reasons.append(f"{path.name}/{reason}")
            events.warning(DAMAGED, f"{path.name} is damaged and passed over: {reason}")
        elif read_state(path).get("type", "restartable") == "restartable":
            return path
    if reasons:
        raise DataError(
            f"no checkpoint of this run is whole: {'; '.join(reasons)}",
            hint="Bring the files back, or start a new run.",
            where=str(folder),
        )
    if checkpoints(folder):
        events.warning(
            "not_resumable",
            "the checkpoints of this run hold weights only, so training starts anew",
        )
    return None


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.glob("step-*") if path.name[5:].isdecimal()]
