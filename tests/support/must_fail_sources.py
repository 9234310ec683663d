"""One input for each rule of the importers that breaks it, and what is then reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlcore.contract.importers.taxonomy import SHIPPED
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


RRU_TAIL = {"标签": ["尾纤"], "是否带有标签": ["标签"], "尾纤是否进行套管保护": ["套管保护"]}
STUDIO = {
    "type": "rectanglelabels",
    "value": {"x": 1, "y": 1, "width": 9, "height": 9, "labels": ["a"]},
    "original_width": 64,
    "original_height": 48,
}


def platform(
    answers: dict[str, Any], shape: str = "LineString", text: str = "", **properties: Any
) -> Build:
    """The rules that an import of one picture with one feature names."""

    def build(folder: Path) -> list[str]:
        put_picture(folder / "raw" / "a.jpg")
        geometry = {"type": shape, "coordinates": [[1, 1], [30, 9], [30, 40]]}
        rows = [{"geometry": geometry, "properties": {"contentZh": answers, **properties}}]
        content = text or json.dumps({"markResult": {"features": rows}})
        (folder / "raw" / "a.json").write_text(content)
        options = {"type": "platform", "family": "rru"}
        return [row["rule"] for row in bring(folder / "raw", options)[1]]

    return build


def strange_class(folder: Path) -> list[str]:
    mapping = json.loads(SHIPPED.read_text(encoding="utf-8"))
    mapping["families"]["rru"][0] |= {"names": ["猫"], "class": "猫", "geometries": ["line"]}
    (folder / "raw").mkdir()
    (folder / "raw" / "map.json").write_text(json.dumps(mapping))
    platform({"标签": ["猫"]})(folder)
    options = {"type": "platform", "family": "rru", "taxonomy": "map.json"}
    return [row["rule"] for row in bring(folder / "raw", options, folder / "again")[1]]


def cvat(shape: str) -> Build:
    """The rules that an import of one picture with one shape names."""

    def build(folder: Path) -> list[str]:
        put_picture(folder / "cvat" / "a.jpg")
        image = f'<image id="0" name="a.jpg" width="64" height="48">{shape}</image>'
        (folder / "cvat" / "a.xml").write_text(f"<annotations>{image}</annotations>")
        return [row["rule"] for row in bring(folder / "cvat", "cvat")[1]]

    return build


def studio(changes: dict[str, Any], annotations: int = 1) -> Build:
    """The rules that an import of one task with one region names."""

    def build(folder: Path) -> list[str]:
        put_picture(folder / "ls" / "a.jpg")
        rows = [{"result": [{**STUDIO, **changes}]}] * annotations
        task = {"data": {"image": "a.jpg"}, "annotations": rows}
        (folder / "ls" / "a.json").write_text(json.dumps([task]))
        return [row["rule"] for row in bring(folder / "ls", "label_studio")[1]]

    return build


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
    "source.json": platform({}, text="{"),
    "source.group": platform(RRU_TAIL, groups=[{"id": 1}]),
    "source.summary": strange_class,
    "cvat.shape": cvat('<points label="a" points="1,1"/>'),
    "label_studio.shape": studio({"type": "brushlabels"}),
    "label_studio.rotation": studio({"image_rotation": 90}),
    "label_studio.several": studio({}, annotations=2),
    "platform.shape": platform(RRU_TAIL, shape="Point"),
    "platform.geometry": platform(RRU_TAIL, shape="ExtentPolygon"),
    "platform.value": platform({**RRU_TAIL, "是否带有标签": ["?"]}),
    "coco.crowd": coco(coco_object(0, iscrowd=1), crowds="reject"),
}
