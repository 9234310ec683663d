"""Importing, the report and near-duplicates at the size of real data."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mlcore.contract.importers.engine import import_dataset
from mlcore.contract.neighbours import near_duplicates
from mlcore.contract.quality import report_of
from tests.bench.figures import Figures
from tests.support.foreign import import_config, put_picture

HASHES = 100_000
PICTURES = 1_000
SPREAD = """
import resource, sys, time
import numpy as np
from mlcore.contract.neighbours import near_duplicates
rng = np.random.default_rng(0)
base = rng.integers(0, 2**64, int(sys.argv[1]), dtype=np.uint64)
bits = np.uint64(1) << rng.integers(0, 64, (100_000, 6), dtype=np.uint64)
hashes = (base[np.arange(100_000) % len(base)] ^ np.bitwise_xor.reduce(bits, axis=1)).tolist()
start = time.perf_counter()
near_duplicates(hashes)
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.parametrize(("scenes", "name"), [(100_000, "all different"), (50, "of 50 scenes")])
def test_near_duplicates_of_100_000_hashes(figures: Figures, scenes: int, name: str) -> None:
    command = [sys.executable, "-c", SPREAD, str(scenes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    figures(f"near-duplicates, 100,000 hashes {name}", seconds, "s", 1, "<= 30")
    figures(f"near-duplicates, peak of the process, {name}", megabytes, "MB", 1, "<= 300")
    assert seconds <= 30
    assert megabytes <= 300


def test_importing_and_reporting_photographs(figures: Figures, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for number in range(PICTURES):
        put_picture(tmp_path / "s" / f"p{number}.jpg", number, 640, 480)
        rows = rng.uniform(0.2, 0.3, (13, 4))
        lines = "".join(f"0 {' '.join(f'{v:.6f}' for v in row)}\n" for row in rows)
        (tmp_path / "s" / f"p{number}.txt").write_text(lines)
    (tmp_path / "s" / "classes.txt").write_text("RBC\n")
    start = time.perf_counter()
    import_dataset(tmp_path / "s", tmp_path / "out", import_config("yolo"))
    figures("import, 640x480 photographs", PICTURES / (time.perf_counter() - start), "images/s", 1)
    start = time.perf_counter()
    report_of(tmp_path / "out")
    figures("report, records", PICTURES / (time.perf_counter() - start), "images/s", 1)


def test_equal_hashes_cost_next_to_nothing(figures: Figures) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    (group,) = near_duplicates([7] * HASHES)
    figures("near-duplicates, 100,000 equal hashes", time.perf_counter() - start, "s", 1, "<= 5")
    assert len(group.members) == HASHES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024
