"""Pictures that events show: copied into the run folder, and told with their digest."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mlcore.run.context import RunContext
from mlcore.run.hashing import file_sha256


def keep_picture(
    ctx: RunContext, source: Path, stem: str, width: int, height: int
) -> dict[str, Any]:
    """Copy a picture to `artifacts/samples/STEM.*`; returns it as a sample event names it.

    `width` and `height` are in pixels.
    """
    target = ctx.folder.artifacts / "samples" / (stem + source.suffix.lower())
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return {
        "path": target.relative_to(ctx.folder.root).as_posix(),
        "sha256": file_sha256(target),
        "size": target.stat().st_size,
        "width": width,
        "height": height,
    }
