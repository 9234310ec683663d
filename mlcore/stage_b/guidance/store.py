"""The guidance of one run on disk: the newest state, snapshots before every change, and a history.

    guidance.json                              what the next ticket is judged by
    snapshots/guidance-YYYYmmdd-HHMMSS-ffffff.json   what was before a change, the newest kept
    history.jsonl                              one line per change: step, what, why, evidence

The file that a run began with is never written: promoting guidance is a person's act.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlcore.errors import DataError
from mlcore.run.events import cut_torn_line
from mlcore.run.folder import write_json
from mlcore.stage_b.guidance.model import Guidance, guidance_json, read_guidance
from mlcore.stage_b.guidance.operations import Change

FILE = "guidance.json"
SNAPSHOTS = "snapshots"
HISTORY = "history.jsonl"


class GuidanceStore:
    """The folder of one run's guidance. `retention` is how many snapshots are kept."""

    def __init__(self, folder: Path, retention: int) -> None:
        assert retention > 0
        self.folder, self._retention = folder, retention
        (folder / SNAPSHOTS).mkdir(parents=True, exist_ok=True)

    def exists(self) -> bool:
        """Whether the run has guidance already."""
        return (self.folder / FILE).exists()

    def load(self, mission: str) -> Guidance:
        """The newest state. Raises DataError where it is damaged."""
        return read_guidance(self.folder / FILE, mission)

    def begin(self, guidance: Guidance) -> None:
        """Start from given guidance; snapshots and history of an earlier run are removed."""
        for old in [*(self.folder / SNAPSHOTS).glob("guidance-*.json"), self.folder / HISTORY]:
            old.unlink(missing_ok=True)
        self._write(guidance)

    def advance(
        self, before: Guidance, after: Guidance, changes: Sequence[Change], reflection_id: str
    ) -> None:
        """Keep what was before, then write what is. A crash in between leaves the old state.

        The history line is written first and carries the step, so a line of a step that was never
        reached is told apart and dropped by `history`.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        entry = {before.mission: guidance_json(before)}
        write_json(self.folder / SNAPSHOTS / f"guidance-{stamp}.json", entry)
        line = {
            "step": after.step,
            "time": after.updated_at,
            "reflection_id": reflection_id,
            "changes": [asdict(change) for change in changes],
        }
        cut_torn_line(self.folder / HISTORY)
        with (self.folder / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._write(after)
        self._prune()

    def credit(self, guidance: Guidance) -> None:
        """Write counts of hits and misses: no text changed, so there is no snapshot."""
        self._write(guidance)

    def history(self, step: int) -> Iterator[dict[str, Any]]:
        """Every change up to a step, oldest first. A torn last line is passed over."""
        path = self.folder / HISTORY
        if not path.exists():
            return
        newest: dict[int, dict[str, Any]] = {}
        # What follows the last \n is torn. `splitlines` would also split at separators in a text.
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            row = json.loads(line)
            newest[int(row["step"])] = row
        for number in sorted(newest):
            if number <= step:
                yield newest[number]

    def snapshots(self) -> list[Path]:
        """Oldest first."""
        return sorted((self.folder / SNAPSHOTS).glob("guidance-*.json"))

    def _write(self, guidance: Guidance) -> None:
        write_json(self.folder / FILE, {guidance.mission: guidance_json(guidance)})

    def _prune(self) -> None:
        for old in self.snapshots()[: -self._retention]:
            old.unlink(missing_ok=True)


def opened(
    store: GuidanceStore, seed_file: Path, mission: str, *, fresh: bool
) -> tuple[Guidance, bool]:
    """The guidance that a run begins with, and whether it continues an earlier run of the name.

    An earlier run's newest guidance is continued unless `fresh`; else the seed file's is taken.
    Raises ConfigError where the seed file has no such mission, DataError where the earlier state
    cannot be read.
    """
    if store.exists() and not fresh:
        try:
            return store.load(mission), True
        except DataError as error:
            raise DataError(
                f"the guidance of the earlier run cannot be read: {error.message}",
                hint="Set fresh to start from the seed again, or put back a file of snapshots/.",
                where=str(store.folder / FILE),
            ) from error
    guidance = read_guidance(seed_file, mission)
    store.begin(guidance)
    return guidance, False
