"""A small dataset with known truth, and answers of several qualities."""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from mlcore.contract.records import Kind, Record, SceneObject, record_to_json
from mlcore.contract.summaries import text_summary
from mlcore.coordjson import CoordObject, render
from mlcore.geometry.spaces import to_bins

SIDE = 192
FINGERPRINT = "f" * 64
Answer = Callable[[Record], str | None]


def thing(desc: str, kind: Kind, *points: float) -> SceneObject:
    return SceneObject(desc, kind, tuple(points))


SCREW = thing("类别=螺丝,符合性=符合", "bbox_2d", 10, 10, 60, 60)
LOOSE = thing("类别=螺丝,符合性=不符合", "bbox_2d", 100, 10, 150, 60)
SHIELD = thing("类别=挡风板,安装方向=方向正确", "poly", 10, 80, 90, 80, 90, 120, 10, 120)
FIBRE = thing("类别=光纤,保护措施=无保护", "line", 20, 140, 90, 170, 180, 150)


def record(name: str, *objects: SceneObject, summary: bool = True) -> Record:
    text = text_summary([o.desc for o in objects]) if summary and objects else None
    return Record(name, (f"images/{name}.png",), SIDE, SIDE, "pixel", objects, text)


def four_records() -> list[Record]:
    return [
        record("full", SCREW, LOOSE, SHIELD, FIBRE),
        record("screws", SCREW, LOOSE),
        record("one", SHIELD),
        record("empty"),
    ]


def right(item: Record) -> str:
    """The answer that says exactly what is there."""
    return say(item.objects)


def say(objects: Sequence[SceneObject]) -> str:
    return render([CoordObject(o.desc, o.kind, to_bins(o.points, SIDE, SIDE)) for o in objects])


def write_dataset(folder: Path, records: Sequence[Record]) -> Path:
    (folder / "images").mkdir(parents=True)
    lines = [json.dumps(record_to_json(r), ensure_ascii=False) for r in records]
    (folder / "val.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for item in records:
        Image.new("RGB", (SIDE, SIDE), (90, 120, 110)).save(folder / item.images[0])
    manifest = {
        "schema": "dataset/1", "name": "little", "coord_space": "pixel", "rejects": 0,
        "splits": {"val": {"file": "val.jsonl", "records": len(records)}},
        "classes": [], "fingerprint": FINGERPRINT,
    }
    (folder / "dataset.json").write_text(json.dumps(manifest))
    return folder


def write_predictions(
    folder: Path,
    records: Sequence[Record],
    dense: Answer | None = right,
    summary: Answer | None = None,
    **meta: Any,
) -> Path:
    """A predictions folder; an answer of None is left out."""
    folder.mkdir(parents=True)
    rows = []
    asked = {"dense": dense, "summary": summary}
    for mode, answer in asked.items():
        for item in records:
            text = answer(item) if answer else None
            if text is not None:
                row = {"id": item.id, "image": item.images[0], "width": SIDE, "height": SIDE}
                rows.append({**row, "mode": mode, "text": text, "finished": True, "new_tokens": 9})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "predictions.jsonl").write_text(text, encoding="utf-8")
    modes = [mode for mode, answer in asked.items() if answer]
    base = {"schema": "predictions/1", "system": "model", "dataset_fingerprint": FINGERPRINT,
            "split": "val", "modes": modes, "n": len(rows)}
    (folder / "meta.json").write_text(json.dumps({**base, **meta}))
    return folder
