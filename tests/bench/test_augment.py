"""Samples per second of the same geometric ops, beside albumentations: one picture in memory with
boxes and polygons, one thread each, taking turns. Ours also writes the record, in order and with
its telemetry; for the peer the points of polygons are keypoints, which it moves; shapely then cuts
the polygons to the picture, as ours are. Ours may hand over a view of the given picture; it is
copied here, because the peer always copies. Pipelines of several ops must not be slower than the
peer's; single ops are printed beside them.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mlcore.augment.config import AugmentConfig
from mlcore.augment.pipeline import Augmenter
from mlcore.contract.records import Record, SceneObject
from tests.bench import albumentations_peer
from tests.bench.figures import Figures, median

SIZES = ((640, 480), (1024, 768))
BOXES, POLYGONS, CORNERS = 20, 10, 8
ROUNDS = 9
TURN_S = 0.25
ONE = {"prob": 1.0}
FLIP = {"type": "hflip", **ONE}
TURN = {"type": "rotate", "max_deg": 10.0, **ONE}
ZOOM = {"type": "scale", "lo": 0.9, "hi": 1.1, **ONE}
CROP = {"type": "random_crop", "scale": [0.5625, 0.5625], "aspect": [1.0, 1.0],
        "min_coverage": 0.0, "min_objects": 0, **ONE}
SIZE = {"type": "resize_by_scale", "scales": [0.75], "align_multiple": 1, **ONE}
CASES: dict[str, list[dict[str, Any]]] = {
    "hflip": [FLIP],
    "rotate/linear": [TURN],
    "rotate/cubic": [TURN],
    "scale/linear": [ZOOM],
    "crop": [CROP],
    "resize": [SIZE],
    "hflip+rotate+scale/linear": [FLIP, TURN, ZOOM],
    "crop+hflip+rotate+scale/linear": [CROP, FLIP, TURN, ZOOM],
}


def sample(width: int, height: int, folder: Path) -> tuple[Record, np.ndarray, Path]:
    """A picture, its record, and the same for the peer as a file."""
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (7, 7), 0)
    side = np.array([width, height])
    low = rng.uniform(0.02, 0.75, (BOXES, 2)) * side
    boxes = np.hstack([low, low + rng.uniform(0.05, 0.2, (BOXES, 2)) * side])
    turns = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    centres = rng.uniform(0.2, 0.8, (POLYGONS, 1, 2)) * side
    ring = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    polygons = centres + ring * rng.uniform(0.03, 0.15, (POLYGONS, CORNERS, 1)) * min(width, height)
    objects = [SceneObject("类别=螺丝", "bbox_2d", tuple(box)) for box in boxes.tolist()]
    objects += [SceneObject("类别=标签", "poly", tuple(p.ravel().tolist())) for p in polygons]
    path = folder / f"{width}.npz"
    np.savez(path, image=image, boxes=boxes, points=polygons.reshape(-1, 2))
    name = f"images/{width}.png"
    return Record("r", (name,), width, height, "pixel", tuple(objects)), image, path


def ours(case: str) -> Augmenter:
    flag = "cubic" if case.endswith("cubic") else "linear"
    data = {"ops": CASES[case], "interpolation": flag, "turned_boxes": "enclose"}
    return Augmenter(AugmentConfig.model_validate_json(json.dumps(data), strict=True), 0)


def seconds(one: Augmenter, record: Record, image: np.ndarray, times: int, start: int) -> float:
    began = time.perf_counter()
    for epoch in range(start, start + times):
        np.ascontiguousarray(one(record, image, epoch, 0, 1).image)
    return time.perf_counter() - began


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_the_same_ops_as_albumentations(
    figures: Figures, tmp_path: Path, size: tuple[int, int]
) -> None:
    python = albumentations_peer.environment()
    if isinstance(python, str):
        pytest.skip(python)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    record, image, path = sample(*size, tmp_path)
    slower = []
    try:
        with albumentations_peer.opened(python, path) as peer:
            for case in CASES:
                ratio = compare(figures, case, size, peer, (record, image))
                if ratio < 1 and "+" in case:
                    slower.append(case)
    finally:
        cv2.setNumThreads(threads)
    assert slower == []


def compare(
    figures: Figures,
    case: str,
    size: tuple[int, int],
    peer: albumentations_peer.Peer,
    given: tuple[Record, np.ndarray],
) -> float:
    """Samples per second of both, and how many times the peer's ours is: the median of turns."""
    one = ours(case)
    times = [
        max(int(TURN_S / (seconds(one, *given, 20, 0) / 20)), 5),
        max(int(TURN_S / (peer.seconds(case, 20) / 20)), 5),
    ]
    own, other = [], []
    for turn in range(ROUNDS):
        own.append(times[0] / seconds(one, *given, times[0], 20 + turn * times[0]))
        other.append(times[1] / peer.seconds(case, times[1]))
    name = f"{case}, {size[0]} x {size[1]}"
    n = ROUNDS * sum(times)
    figures(f"{name}: ours", median(own), "samples/s", n)
    figures(f"{name}: albumentations {albumentations_peer.VERSION}", median(other), "samples/s", n)
    ratio = median([a / b for a, b in zip(own, other, strict=True)])
    figures(f"{name}: ours / albumentations", ratio, "x", n, ">= 1")
    return ratio
