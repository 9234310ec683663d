"""Small sources of foreign formats, and their import, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.importers.engine import import_dataset
from mlcore.contract.reader import open_dataset
from mlcore.contract.records import Record
from tests.support.datasets import encoded, picture


def import_config(format_: str | dict[str, Any], **changes: Any) -> ImportConfig:
    """A config that rejects without stopping."""
    options = {"type": format_} if isinstance(format_, str) else format_
    values = {"kind": "import", "format": options, "source": "x", "max_reject_share": 1.0}
    return ImportConfig.model_validate({**values, **changes})


def bring(
    root: Path, format_: str | dict[str, Any], out: Path | None = None, **changes: Any
) -> tuple[dict[str, Record], list[dict[str, Any]], dict[str, Any]]:
    """Import a folder: the records by id, the rows of rejects.jsonl, and the report."""
    target = out or root.parent / "out"
    import_dataset(root, target, import_config(format_, **changes))
    dataset = open_dataset(target)
    records = {r.id: r for split in dataset.splits for r in dataset.split(split)}
    rows = (target / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    report = json.loads((target / "report.json").read_text(encoding="utf-8"))
    return records, [json.loads(row) for row in rows], report


def put_picture(path: Path, number: int = 0, width: int = 64, height: int = 48) -> None:
    """A noisy JPEG, another for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(picture(number, width, height)))


def coco_image(number: int, **changes: Any) -> dict[str, Any]:
    """The image p{number}.jpg of 64 x 48 pixels."""
    return {"id": number, "file_name": f"p{number}.jpg", "width": 64, "height": 48, **changes}


def coco_object(image: int, **changes: Any) -> dict[str, Any]:
    """An RBC at 4, 5, 20, 30."""
    return {"id": 1, "image_id": image, "category_id": 7, "bbox": [4, 5, 16, 25], **changes}


def put_coco(root: Path, objects: list[Any], images: int = 2, file: str = "all.json") -> None:
    """An annotation file with pictures p0, p1, ... beside it."""
    for number in range(images):
        put_picture(root / f"p{number}.jpg", number)
    content = {
        "images": [coco_image(number) for number in range(images)],
        "annotations": objects,
        "categories": [{"id": 7, "name": "RBC"}, {"id": 2, "name": "WBC"}],
    }
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def put_yolo(root: Path, labels: dict[str, str], names: str = "names: [RBC, WBC]\n") -> None:
    """Pictures by `split/name`, each with its label text."""
    splits = {path.split("/")[0] for path in labels}
    lines = "".join(f"{split}: images/{split}\n" for split in sorted(splits))
    root.mkdir(parents=True, exist_ok=True)
    (root / "data.yaml").write_text(names + lines, encoding="utf-8")
    for number, (path, text) in enumerate(sorted(labels.items())):
        put_picture(root / "images" / f"{path}.jpg", number)
        target = root / "labels" / f"{path}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
