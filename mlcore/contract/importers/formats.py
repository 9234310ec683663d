"""Every foreign format by its name in the config: the one place where a source is chosen."""

from __future__ import annotations

from pathlib import Path

from mlcore.contract.import_config import (
    CocoFormat,
    CvatFormat,
    ImportConfig,
    LabelStudioFormat,
    LvisFormat,
    PlatformFormat,
    VocFormat,
    YoloFormat,
)
from mlcore.contract.importers.coco import open_coco
from mlcore.contract.importers.cvat import open_cvat
from mlcore.contract.importers.label_studio import open_label_studio
from mlcore.contract.importers.lvis import open_lvis
from mlcore.contract.importers.platform import open_platform
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
        case LvisFormat() as options:
            return open_lvis(folder, config, options)
        case LabelStudioFormat() as options:
            return open_label_studio(folder, config, options)
        case CvatFormat() as options:
            return open_cvat(folder, config, options)
        case YoloFormat() as options:
            return open_yolo(folder, config, options)
        case PlatformFormat() as options:
            return open_platform(folder, config, options)
