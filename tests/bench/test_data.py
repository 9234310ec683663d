"""Validation of 100,000 lines: seconds, and the peak memory of every process together."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.bench.figures import Figures
from tests.support.datasets import box_record, encoded, picture

LINES, PICTURES = 100_000, 300


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100,000 records of 8 objects each over 300 distinct pictures."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "images").mkdir()
    for number in range(PICTURES):
        (folder / "images" / f"{number}.jpg").write_bytes(encoded(picture(number)))
    box = {"desc": box_record(0).objects[0].desc, "bbox_2d": [4, 5, 20, 30]}
    with (folder / "train.jsonl").open("w", encoding="utf-8") as file:
        for number in range(LINES):
            row = {
                "id": f"r{number}", "images": [f"images/{number % PICTURES}.jpg"], "width": 64,
                "height": 48, "coord_space": "pixel", "objects": [box] * 8,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return folder / "train.jsonl"


@pytest.mark.parametrize("images", ["headers", "full"])
def test_validation_of_100_000_lines(figures: Figures, lines: Path, images: str) -> None:
    command = [sys.executable, "-m", "mlcore", "data", "validate", str(lines), "--images", images]
    began = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        family = [process, *process.children(recursive=True)]
        peak = max(peak, sum(resident(member) for member in family))
        time.sleep(0.2)
    seconds = time.perf_counter() - began
    assert process.returncode == 0
    figures(f"validate 100,000 lines, {images}", seconds, "s", 1, "<= 60 s")
    figures(f"validate 100,000 lines, {images}, RSS summed", peak / 1e6, "MB", 1, "<= 500 MB")


def resident(process: psutil.Process) -> int:
    """RSS in bytes; 0 for a process that has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
