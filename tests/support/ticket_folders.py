"""Ticket folders as crews hand them in."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from tests.support.scenes import make_image
from tests.support.tickets import MISSION

PASSED, FAILED = "审核通过", "审核不通过"


def jpeg(number: int, width: int = 96, height: int = 64, orientation: int = 1) -> bytes:
    """A noisy picture, another for each number."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[274] = orientation
    picture = Image.fromarray(make_image(number, width, height))
    picture.save(out, "JPEG", **({} if orientation == 1 else {"exif": exif}))
    return out.getvalue()


def put(root: Path, label: str, group: str, *names: str, mission: str = MISSION) -> Path:
    """A group of pictures of different sizes; returns its folder."""
    folder = root / mission / label / group
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        width = 64 + 32 * (number % 3)
        (folder / name).write_bytes(jpeg(len(group) + number, width=width))
    return folder


def ticket_folders(root: Path) -> Path:
    """Four tickets, one of them handed in twice, with eight pictures."""
    put(root, PASSED, "b", "QC-TEMP-20241206-0015502_1.jpg", "QC-TEMP-20241206-0015502_2.jpeg")
    put(root, FAILED, "b", "QC-TEMP-20241206-0015502_1.jpg")
    put(root, FAILED, "a", "10.png", "2.png", "1.PNG")
    put(root, PASSED, "a", "x.jpg", "y.jpg")
    return root
