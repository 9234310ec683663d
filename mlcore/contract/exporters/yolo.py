"""YOLO: boxes and polygons in shares of the picture; a line is left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mlcore.contract.exporters.target import Held, Labels, write_lines
from mlcore.contract.importers.source import used_splits
from mlcore.contract.records import Record, SceneObject

DIGITS = 10


class YoloTarget:
    """data.yaml, images/SPLIT/ and labels/SPLIT/. The whole description is the name."""

    def __init__(self, out: Path, labels: Labels, held: Held) -> None:
        self.out = out
        self.labels = labels
        self.held = held
        self._splits: dict[str, None] = {}

    def picture(self, split: str, name: str) -> str:
        return f"images/{split}/{name}"

    def add(self, split: str, name: str, record: Record) -> None:
        self._splits[split] = None
        lines = []
        for item in record.objects:
            if item.kind == "line":
                self.held.left_out["line"] += 1
                continue
            self.held.objects += 1
            numbers = " ".join(_share(v) for v in _shares(item, record.width, record.height))
            lines.append(f"{self.labels.place(item.desc)} {numbers}")
        write_lines(self.out / "labels" / split / f"{Path(name).stem}.txt", lines)

    def finish(self) -> None:
        names = [json.dumps(name, ensure_ascii=False) for name in self.labels.names]
        splits = [f"{split}: images/{split}" for split in used_splits(list(self._splits))]
        write_lines(self.out / "data.yaml", [f"names: [{', '.join(names)}]", *splits])


def _shares(item: SceneObject, width: int, height: int) -> Sequence[float]:
    flat = [v / (width, height)[i % 2] for i, v in enumerate(item.points)]
    if item.kind == "poly":
        return flat
    x0, y0, x1, y1 = flat
    return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0


def _share(value: float) -> str:
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
