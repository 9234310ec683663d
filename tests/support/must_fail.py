"""One input for each rule of the contract that breaks it, and what is then reported.

A fixture builds its input in an empty folder and returns the ids of the rules that were named.
Rules of a family are added where the family is known: `FIXTURES["coco.json"] = ...`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mlcore.contract.check_run import CheckOptions
from mlcore.contract.reader import MAX_LINE, open_dataset
from mlcore.contract.records import record_line
from mlcore.contract.validate import validate_dataset, validate_file, verify_dataset
from tests.support.datasets import (
    box_record,
    encoded,
    picture,
    write_dataset,
)
from tests.support.must_fail_sources import SOURCES

Fixture = Callable[[Path], Iterable[str]]


def good_line(**changes: Any) -> dict[str, Any]:
    """A record that breaks no rule, with changes."""
    value: dict[str, Any] = {
        "id": "a",
        "images": ["images/a.jpg"],
        "width": 64,
        "height": 48,
        "coord_space": "pixel",
        "objects": [{"desc": "类别=螺丝", "bbox_2d": [1, 2, 30, 40]}],
        "summary": "类别=螺丝×1",
        "metadata": {"ticket": "t1"},
    }
    return {**value, **changes}


def with_object(**keys: Any) -> dict[str, Any]:
    """A record with a good object and one of these keys."""
    return good_line(objects=[{"desc": "螺丝", "bbox_2d": [1, 1, 9, 9]}, keys])


def line(raw: bytes) -> Fixture:
    """What is said of a JSONL of this one line, beside a good picture."""

    def build(folder: Path) -> list[str]:
        (folder / "images").mkdir()
        (folder / "images" / "a.jpg").write_bytes(encoded(picture()))
        (folder / "train.jsonl").write_bytes(raw + b"\n")
        return [p.rule for p in validate_file(folder / "train.jsonl").problems]

    return build


def record(value: object) -> Fixture:
    """What is said of this JSON value as a line."""
    return line(json.dumps(value, ensure_ascii=False).encode())


def image(data: bytes) -> Fixture:
    """What is said of a good record whose picture has these bytes."""

    def build(folder: Path) -> list[str]:
        dataset = write_dataset(folder)
        (folder / "images" / "r0.jpg").write_bytes(data)
        return [p.rule for p in validate_dataset(dataset).problems]

    return build


def gif() -> bytes:
    """A picture that is neither JPEG nor PNG."""
    out = io.BytesIO()
    picture().save(out, "GIF")
    return out.getvalue()


def deep(shape: tuple[int, ...]) -> bytes:
    """A PNG of 16 bits per channel."""
    return bytes(cv2.imencode(".png", np.full(shape, 30_000, np.uint16))[1])


def missing_image(folder: Path) -> list[str]:
    dataset = write_dataset(folder)
    (folder / "images" / "r0.jpg").unlink()
    return [p.rule for p in validate_dataset(dataset).problems]


def outside_image(folder: Path) -> list[str]:
    dataset = write_dataset(folder / "d")
    (folder / "secret.jpg").write_bytes(encoded(picture(99)))
    (folder / "d" / "images" / "r0.jpg").unlink()
    (folder / "d" / "images" / "r0.jpg").symlink_to(folder / "secret.jpg")
    return [p.rule for p in validate_dataset(dataset).problems]


def leaked_image(folder: Path) -> list[str]:
    dataset = write_dataset(folder, train=2, val=1)
    (folder / "images" / "r2.jpg").write_bytes((folder / "images" / "r0.jpg").read_bytes())
    return [p.rule for p in validate_dataset(dataset).problems]


def line_too_long(folder: Path) -> list[str]:
    (folder / "train.jsonl").write_bytes(b" " * (MAX_LINE + 1))
    return [p.rule for p in validate_file(folder / "train.jsonl").problems]


def over_the_cap(side: int, stated: int) -> Fixture:
    """What a cap of 32 x 32 says of a picture of one size whose record states another."""

    def build(folder: Path) -> list[str]:
        (folder / "images").mkdir()
        (folder / "images" / "a.jpg").write_bytes(encoded(picture(0, side, side)))
        row = json.dumps(good_line(width=stated, height=stated, objects=[]))
        (folder / "train.jsonl").write_text(row)
        found = validate_file(folder / "train.jsonl", None, CheckOptions(max_pixels=1024)).problems
        return [p.rule for p in found if p.rule != "image.size"]

    return build


def changed_image(folder: Path) -> list[str]:
    dataset = write_dataset(folder)
    (folder / "images" / "r0.jpg").write_bytes(encoded(picture(99)))
    return [p.rule for p in validate_dataset(dataset).problems]


def manifest(change: Callable[[dict[str, Any]], object]) -> Fixture:
    """What is said of a good folder whose dataset.json was changed by hand."""

    def build(folder: Path) -> list[str]:
        write_dataset(folder)
        value = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        change(value)
        (folder / "dataset.json").write_text(json.dumps(value))
        return [p.rule for p in verify_dataset(open_dataset(folder)).problems]

    return build


def repeated_id(folder: Path) -> list[str]:
    dataset = write_dataset(folder)
    with (folder / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(record_line(box_record(0)) + "\n")
    return [p.rule for p in validate_dataset(dataset).problems]


BOX = {"desc": "x", "bbox_2d": [1, 1, 5, 5]}

FIXTURES: dict[str, Fixture] = {
    "line.encoding": line(b"\xff\xfe"),
    "line.length": line_too_long,
    "line.json": line(b"{"),
    "record.type": record([]),
    "record.unknown_key": record(good_line(hight=3)),
    "record.id": record(good_line(id="")),
    "record.duplicate_id": repeated_id,
    "record.images": record(good_line(images=[])),
    "record.image_path": record(good_line(images=["/etc/passwd"])),
    "record.size": record(good_line(width=0)),
    "record.pixels": over_the_cap(64, 64),
    "record.coord_space": record(good_line(coord_space="percent")),
    "record.objects": record(good_line(objects=None)),
    "record.summary": record(good_line(summary="a\nb")),
    "record.metadata": record(good_line(metadata=[])),
    "record.ticket": record(good_line(metadata={"ticket": 3})),
    "object.type": record(good_line(objects=[3])),
    "object.unknown_key": record(with_object(**BOX, colour=1)),
    "object.desc": record(with_object(desc=" ", bbox_2d=[1, 1, 5, 5])),
    "object.desc_line": record(with_object(desc="a\tb", bbox_2d=[1, 1, 5, 5])),
    "object.geometry_missing": record(with_object(desc="x")),
    "object.geometry_multiple": record(with_object(**BOX, line=[1, 1, 5, 5])),
    "geometry.type": record(with_object(desc="x", bbox_2d="1 1 5 5")),
    "geometry.number": record(with_object(desc="x", bbox_2d=[1, 1, 5, "<|coord_5|>"])),
    "geometry.count": record(with_object(desc="x", poly=[1, 1, 5, 5, 6, 1])),
    "geometry.point_count": record(with_object(desc="x", line=[1, 1, 5, 5], line_points=3)),
    "geometry.bin": record(
        good_line(coord_space="norm1000", objects=[{"desc": "x", "bbox_2d": [1, 1, 5.5, 9]}])
    ),
    "geometry.bounds": record(with_object(desc="x", bbox_2d=[1, 1, 65, 5])),
    "geometry.order": record(with_object(desc="x", bbox_2d=[5, 1, 1, 5])),
    "geometry.empty": record(with_object(desc="x", bbox_2d=[5, 1, 5, 5])),
    "image.missing": missing_image,
    "image.outside": outside_image,
    "image.leak": leaked_image,
    "image.format": image(gif()),
    "image.truncated": image(encoded(picture())[:-40]),
    "image.orientation": image(encoded(picture(), orientation=3)),
    "image.depth": image(deep((48, 64))),
    "image.palette": image(encoded(picture().convert("P"), "PNG")),
    "image.mode": image(encoded(picture().convert("CMYK"))),
    "image.pixels": over_the_cap(64, 32),
    "image.changed": changed_image,
    "dataset.split": manifest(lambda m: m["splits"]["train"].update(sha256="0" * 64)),
    "dataset.records": manifest(lambda m: m["splits"]["train"].update(records=7)),
    "dataset.classes": manifest(lambda m: m["classes"][0].update(objects=7)),
    "dataset.space": manifest(lambda m: m.update(coord_space="norm1000")),
    "dataset.images": manifest(lambda m: m["images"].update(count=7)),
    "dataset.tickets": manifest(lambda m: m.update(tickets={"sha256": "0" * 64})),
    "dataset.fingerprint": manifest(lambda m: m.update(fingerprint="0" * 64)),
    "image.size": image(encoded(picture(width=65))),
    **SOURCES,
}
"""the fixture of each rule by its id; the test of the rules says which one has none"""
