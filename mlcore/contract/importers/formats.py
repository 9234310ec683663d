"""Every foreign format by its name in the config: the one place where a source is chosen."""

from __future__ import annotations

from pathlib import Path

from mlcore.contract.import_config import CocoFormat, ImportConfig, VocFormat, YoloFormat
from mlcore.contract.importers.coco import open_coco
from mlcore.contract.importers.source import Source
from mlcore.contract.importers.voc import open_voc
from mlcore.contract.importers.yolo import open_yolo


def open_source(folder: Path, config: ImportConfig) -> Source:
    """Read the annotations of a folder in the config's format. Raises DataError when it is not
    laid out in that format."""
    match config.format:
        case VocFormat() as options:
            return open_voc(folder, config, options)
        case CocoFormat() as options:
            return open_coco(folder, config, options)
        case YoloFormat() as options:
            return open_yolo(folder, config, options)
