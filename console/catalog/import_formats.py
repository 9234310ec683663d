"""The foreign formats as the import wizard shows them: what the folder must look like."""
from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.web.schema_form import build_form
from mlcore.kinds import config_model


@dataclass(frozen=True)
class FormatCard:
    """`tree` is an example of the source folder, one line an entry; `geometry` what it brings."""

    name: str
    title: str
    layout: str | Promise
    tree: str
    geometry: tuple[str | Promise, ...]
    names: tuple[str, ...] = ()
    """paths of images as they may look, for a try of a ticket pattern"""


_BOXES, _POLYGONS, _LINES = _("boxes"), _("polygons"), _("lines")
_CARDS = (
    FormatCard(
        "voc", "Pascal VOC",
        _("One XML file per image beside the images; lists in ImageSets/Main name the splits."),
        "source/\n  Annotations/\n    000001.xml\n  JPEGImages/\n    000001.jpg\n"
        "  ImageSets/Main/\n    train.txt  val.txt",
        (_BOXES,),
        ("JPEGImages/T0001_front.jpg", "JPEGImages/T0001_back.jpg", "JPEGImages/T0002_front.jpg"),
    ),
    FormatCard(
        "coco", "COCO",
        _("One JSON file per split with images, annotations and categories; images in a folder."),
        "source/\n  annotations/\n    instances_train.json\n    instances_val.json\n"
        "  images/\n    000001.jpg",
        (_BOXES, _POLYGONS),
    ),
    FormatCard(
        "lvis", "LVIS",
        _("As COCO, with a long tail of categories and lists of those that an image cannot have."),
        "source/\n  annotations/\n    lvis_v1_train.json\n    lvis_v1_val.json\n"
        "  train2017/\n    000000391895.jpg",
        (_BOXES, _POLYGONS),
    ),
    FormatCard(
        "label_studio", "Label Studio",
        _("The JSON export of a project, with its images beside it."),
        "source/\n  project-7.json\n  images/\n    3f2a-cabinet.jpg",
        (_BOXES, _POLYGONS, _LINES),
    ),
    FormatCard(
        "cvat", "CVAT",
        _("The XML of “CVAT for images”, with its images beside it."),
        "source/\n  annotations.xml\n  images/\n    frame_000001.jpg",
        (_BOXES, _POLYGONS, _LINES),
    ),
    FormatCard(
        "yolo", "YOLO",
        _("One text file of numbers per image and a data.yaml that names the classes."),
        "source/\n  data.yaml\n  images/train/\n    0001.jpg\n  labels/train/\n    0001.txt",
        (_BOXES, _POLYGONS),
    ),
    FormatCard(
        "platform", "Platform export",
        _("One JSON file of questions and answers beside each image; a taxonomy says what they "
          "mean."),
        "source/\n  QC-SITE-20240131-00001/\n    QC-SITE-20240131-00001_01.jpeg\n"
        "    QC-SITE-20240131-00001_01.json",
        (_BOXES, _POLYGONS, _LINES),
        (
            "QC-SITE-20240131-00001/QC-SITE-20240131-00001_01.jpeg",
            "QC-SITE-20240131-00001/QC-SITE-20240131-00001_02.jpeg",
            "QC-SITE-20240131-00002/QC-SITE-20240131-00002_01.jpeg",
        ),
    ),
)


NAMES = ("images/T0001/front.jpg", "images/T0001/back.jpg", "images/T0002/front.jpg")
"""sample paths for formats that have no usual way to name images"""


def known_formats() -> list[str]:
    """The formats that the importer of this version reads, as its config names them."""
    fields = build_form(config_model("import").model_json_schema(), {})
    switch = next(field.switch for field in fields if field.path == "format")
    return list(switch.options) if switch is not None else []


def format_cards() -> list[FormatCard]:
    """A card for every format that can be imported, in the order of this page."""
    known = known_formats()
    shown = [card for card in _CARDS if card.name in known]
    named = {card.name for card in shown}
    return shown + [FormatCard(n, n, "", "", ()) for n in known if n not in named]


def format_card(name: str) -> FormatCard | None:
    """The card of a format; None for a format that cannot be imported."""
    return next((card for card in format_cards() if card.name == name), None)
