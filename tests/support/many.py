"""A dataset of any number of records that share a few pictures: what 100,000 images ask of pages
without 100,000 files."""
from __future__ import annotations

import json
import random
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from console.catalog import blobs
from mlcore.contract.desc import make_desc
from mlcore.contract.records import Record, SceneObject, record_line
from mlcore.contract.summaries import text_summary
from mlcore.run.hashing import FileEntry, tree_digest
from tests.support.outputs import FakeRun, Uploaded

SIZES = ((640, 480), (480, 640), (512, 512), (960, 400))
CLASSES = (
    "BBU安装螺丝", "BBU设备", "标签", "光纤", "电线", "挡风板", "机柜空间", "站点", "接地", "插头",
)  # fmt: skip
STATES = ("符合", "不符合")
REASONS = ("未拧紧", "弯曲", "松动", "缺失", "遮挡")
GROUPS = 40


def picture(number: int) -> bytes:
    """A JPEG of blurred colours, another for each number."""
    width, height = SIZES[number % len(SIZES)]
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(30, 225, (6, 8, 3)).astype(np.uint8))
    out = BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
    return out.getvalue()


def records(count: int, *, pictures: int = 12, seed: int = 3) -> Iterator[tuple[str, Record]]:
    """Split and record, one after another; nine of ten are for training."""
    for number in range(count):
        rng = random.Random(seed * 10_000_019 + number)
        width, height = SIZES[number % pictures % len(SIZES)]
        objects = tuple(_thing(rng, width, height) for _ in range(rng.choice((0, 1, 2, 3, 5, 8))))
        split = "val" if number >= count - count // 10 else "train"
        path = f"images/{number:06d}.jpg"
        summary = text_summary([o.desc for o in objects]) or "无关图片"
        yield split, Record(
            f"cab-{number:06d}", (path,), width, height, "pixel", objects, summary,
            {"ticket": f"T{number // 4}"},
        )


def _thing(rng: random.Random, width: int, height: int) -> SceneObject:
    name = CLASSES[min(int(rng.expovariate(0.35)), len(CLASSES) - 1)]
    state = STATES[rng.random() < 0.12]
    attributes = {"符合性": state, "可见性": rng.choice(("完整", "部分"))}
    if state == "不符合":
        attributes["问题"] = rng.choice(REASONS)
    x, y = rng.randrange(width - 90), rng.randrange(height - 90)
    w, h = rng.randrange(20, 90), rng.randrange(20, 90)
    desc = make_desc(name, attributes)
    if name in ("光纤", "电线"):
        return SceneObject(desc, "line", (x, y, x + w, y + h // 2, x + w // 2, y + h))
    if name == "标签":
        corners = (x, y, x + w, y + 4, x + w - 4, y + h, x + 3, y + h - 5)
        return SceneObject(desc, "poly", corners)
    return SceneObject(desc, "bbox_2d", (x, y, x + w, y + h))


def upload_many(
    count: int, *, pictures: int = 12, seed: int = 3, rejects: int = 500, changed: int = 0
) -> Uploaded:
    """Put such a dataset into the blob store. With `changed`, so many records lack their last
    object or have another id: the next version of the same data."""
    shas = [blobs.put_bytes(picture(n)).sha256 for n in range(pictures)]
    size = {sha: blobs.path_of(sha).stat().st_size for sha in shas}
    lines: dict[str, list[str]] = {"train": [], "val": []}
    entries, objects = [], 0
    for number, (split, record) in enumerate(records(count, pictures=pictures, seed=seed)):
        if number < changed:
            record = _edited(number, record)
        objects += len(record.objects)
        lines[split].append(record_line(record))
        sha = shas[number % pictures]
        entries.append(FileEntry(record.images[0], sha, size[sha]))
    manifest = {
        "schema": "dataset/1", "name": "many", "coord_space": "pixel", "rejects": rejects,
        "splits": {s: {"file": f"{s}.jsonl", "records": len(rows)} for s, rows in lines.items()},
        "classes": [{"name": name, "objects": 1, "images": 1} for name in CLASSES],
        "fingerprint": f"{seed:064x}",
    }  # fmt: skip
    texts = {f"{split}.jsonl": "".join(f"{row}\n" for row in rows) for split, rows in lines.items()}
    texts["rejects.jsonl"] = "".join(f"{json.dumps(_reject(n))}\n" for n in range(rejects))
    texts["report.json"] = json.dumps(report(count, objects, rejects), ensure_ascii=False)
    texts["dataset.json"] = json.dumps(manifest, ensure_ascii=False)
    for path, text in texts.items():
        blob = blobs.put_bytes(text.encode())
        entries.append(FileEntry(path, blob.sha256, blob.size))
    rows = [{"path": e.path, "sha256": e.sha256, "size": e.size} for e in entries]
    return Uploaded(tree_digest(entries), rows)


def _edited(number: int, record: Record) -> Record:
    fields = {**vars(record)}
    if number % 4 == 0:
        fields["id"] = f"new-{number:06d}"
    else:
        fields["objects"] = record.objects[:-1]
        fields["summary"] = "checked again"
    return Record(**fields)


def _reject(number: int) -> dict[str, Any]:
    rules = ("geometry.bounds", "geometry.empty", "image.missing", "voc.duplicate")
    return {
        "file": f"Annotations/cab-{number:06d}.xml", "line": 7 + number % 40, "path": "objects[0]",
        "rule": rules[min(number % 7, 3)], "message": f"object {number} lies outside its image",
        "record": '{"id": "x"}',
    }


def report(count: int, objects: int, rejects: int) -> dict[str, Any]:
    """A report of the newest form with groups of near-duplicates, some across splits."""
    most = min(GROUPS, count // 10)
    return {
        "schema": "dataset_report/2", "images": count, "objects": objects,
        "object_area_share": [
            {"up_to": e, "objects": objects // 6} for e in (0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
        ],
        "image_sizes": [{"size": f"{w}x{h}", "images": count // 4} for w, h in SIZES],
        "rejects": {"total": rejects, "by_rule": {}},
        "leakage": {"images": [], "tickets": []},
        "near_duplicates": {
            "method": "dhash", "max_distance": 4,
            "groups": [_group(n, count) for n in range(most)],
        },
    }  # fmt: skip


def _group(number: int, count: int) -> dict[str, Any]:
    across = number % 5 == 4
    first, second = number * 7, count - 1 - number if across else number * 7 + 1
    return {
        "across_splits": across,
        "images": [
            {"split": "val" if n >= count - count // 10 else "train", "id": f"cab-{n:06d}",
             "path": f"images/{n:06d}.jpg", "distance": d}
            for n, d in ((first, 0), (second, 1 + number % 4))
        ],
    }  # fmt: skip


def register_many(project: Any, count: int, name: str = "many", **options: Any) -> Any:
    """Upload and register; returns the Output."""
    from console.catalog.services import register_output

    up = upload_many(count, **options)
    run = FakeRun(f"many-{count}-{options.get('changed', 0)}", name, project)
    return register_output(run, "dataset", "dataset", up.digest, up.files, {})
