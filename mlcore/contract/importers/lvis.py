"""LVIS: COCO's layout with classes that are known to be absent or not fully annotated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.contract.import_config import ImportConfig, LvisFormat
from mlcore.contract.importers.coco import CocoReader, coco_files, is_id
from mlcore.contract.importers.source import Source

NEGATIVE, PARTIAL = "negative_classes", "not_exhaustive_classes"
KEYS = {NEGATIVE: "neg_category_ids", PARTIAL: "not_exhaustive_category_ids"}


def open_lvis(folder: Path, config: ImportConfig, options: LvisFormat) -> Source:
    """Every annotation file of a folder, as `open_coco` finds them.

    A record's metadata keeps `negative_classes` (known to be absent) and `not_exhaustive_classes`
    (some objects may be unmarked). Raises DataError as `open_coco` does.
    """
    reader = _LvisReader(folder, options)
    for file in coco_files(folder, options.annotations):
        reader.read(file)
    return reader.source()


class _LvisReader(CocoReader):
    """Knows where LVIS names pictures and classes of a picture."""

    def picture_name(self, image: Mapping[str, Any]) -> str:
        """`file_name` where there is one, else the end of `coco_url`: train2017/000000000009.jpg.

        The address is only read, never opened.
        """
        name = super().picture_name(image)
        url = image.get("coco_url")
        return name or ("/".join(url.split("/")[-2:]) if isinstance(url, str) else "")

    def image_metadata(self, image: Mapping[str, Any], names: Mapping[Any, str]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, field in KEYS.items():
            ids = image.get(field)
            known = [names[i] for i in ids if is_id(i) and i in names] if ids else []
            if known:
                out[key] = sorted(known)
        return out
