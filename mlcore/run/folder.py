"""The run folder: the same layout from a terminal and from a worker.

config/                every source YAML of the extends chain, as read
config.resolved.json   after inheritance and --set
manifest.json          what ran, where, on what
events/attempt-K.jsonl
log/attempt-K.txt
checkpoints/step-N/    complete when READY exists
artifacts/<output>/    what the job made
outputs.json           the outputs as trees of hashed files
report.json            the result in one object
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class RunFolder:
    """Paths of one run. Creating it makes the sub-folders."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for name in ("config", "events", "log", "checkpoints", "artifacts"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def report(self) -> Path:
        return self.root / "report.json"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs.json"

    @property
    def resolved_config(self) -> Path:
        return self.root / "config.resolved.json"

    def events(self, attempt: int) -> Path:
        return self.root / "events" / f"attempt-{attempt}.jsonl"

    def log(self, attempt: int) -> Path:
        return self.root / "log" / f"attempt-{attempt}.txt"

    def last_attempt(self) -> int:
        """The highest attempt number that left events, 0 when none did."""
        numbers = [
            int(p.stem.removeprefix("attempt-")) for p in self.root.glob("events/attempt-*.jsonl")
        ]
        return max(numbers, default=0)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the whole new one, also after a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
