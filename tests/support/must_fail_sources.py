"""One input for each rule of the importers that breaks it, and what is then reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.datasets import add_voc, encoded, picture, voc_object, voc_xml
from tests.support.foreign import bring, coco_object, put_coco, put_picture

Build = Callable[[Path], list[str]]


def voc(xml: str | None, listed: str = "") -> Build:
    """The rules that an import names over one bad annotation beside two good ones."""

    def build(folder: Path) -> list[str]:
        root = folder / "voc"
        for stem in ("p1", "p2"):
            good = voc_xml(voc_object("RBC", 1, 1, 9, 9))
            add_voc(root, stem, good, encoded(picture(ord(stem[1]))))
        add_voc(root, "bad", xml, encoded(picture(7)))
        if listed:
            (root / "ImageSets" / "Main" / "train.txt").write_text("p1\n")
            (root / "ImageSets" / "Main" / "val.txt").write_text("p2\n")
        return [row["rule"] for row in bring(root, "voc")[1]]

    return build


def coco(*objects: dict[str, Any], **options: Any) -> Build:
    """The rules that an import names over these annotations."""

    def build(folder: Path) -> list[str]:
        put_coco(folder / "coco", list(objects))
        return [row["rule"] for row in bring(folder / "coco", {"type": "coco", **options})[1]]

    return build


def long_picture(folder: Path) -> list[str]:
    put_coco(folder / "coco", [])
    put_picture(folder / "coco" / "p0.jpg", 0, 2010, 10)
    limits = {"resize": {"max_pixels": 4096}, "stated_size": "rescale"}
    text = (folder / "coco" / "all.json").read_text().replace(": 64", ": 2010", 1)
    (folder / "coco" / "all.json").write_text(text.replace(": 48", ": 10", 1))
    return [row["rule"] for row in bring(folder / "coco", "coco", **limits)[1]]


SOURCES: dict[str, Build] = {
    "image.aspect": long_picture,
    "source.xml": voc("<annotation>"),
    "source.size": voc("<annotation></annotation>"),
    "source.unlisted": voc(voc_xml(voc_object("RBC", 1, 1, 9, 9)), listed="yes"),
    "source.label": voc(voc_xml(voc_object("", 1, 1, 9, 9))),
    "source.geometry": voc(voc_xml(voc_object("RBC", 1, 1, 9, "wide"))),
    "source.image": voc(None),
    "source.duplicate": voc(voc_xml(voc_object("RBC", 1, 1, 9, 9) * 2)),
    "source.annotation": coco(coco_object(99)),
    "coco.crowd": coco(coco_object(0, iscrowd=1), crowds="reject"),
}
