"""Runs in albumentations' own environment: `python albumentations_side.py SAMPLE.npz`.

Reads one JSON line per turn, {"case", "times"}, and answers with {"seconds"}.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

import albumentations as A
import cv2
import numpy as np
import shapely

FILL = (128, 128, 128)
CORNERS = 8


def ops(case: str, width: int, height: int) -> list[Any]:
    """The ops of a case, each with the same strengths, interpolation and fill as ours."""
    border = {"border_mode": cv2.BORDER_CONSTANT, "fill": FILL}
    flags = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
    name, _, flag = case.partition("/")
    how = flags.get(flag, cv2.INTER_LINEAR)
    flip = A.HorizontalFlip(p=1.0)
    turn = A.Rotate(limit=(-10, 10), interpolation=how, p=1.0, **border)
    zoom = A.Affine(scale=(0.9, 1.1), interpolation=how, p=1.0, **border)
    crop = A.RandomCrop(height=round(height * 0.75), width=round(width * 0.75), p=1.0)
    size = A.Resize(height=height // 64 * 48, width=width // 64 * 48,
                    interpolation=cv2.INTER_AREA, p=1.0)
    return {
        "hflip": [flip],
        "rotate": [turn],
        "scale": [zoom],
        "crop": [crop],
        "resize": [size],
        "hflip+rotate+scale": [flip, turn, zoom],
        "crop+hflip+rotate+scale": [crop, flip, turn, zoom],
    }[name]


def cut_polygons(sample: dict[str, Any]) -> Any:
    """The polygons as they are seen in the picture. The library moves their points and leaves
    those outside where they are, so whoever trains on polygons has to cut them."""
    rings = np.asarray(sample["keypoints"]).reshape(-1, CORNERS, 2)
    height, width = sample["image"].shape[:2]
    return shapely.clip_by_rect(shapely.polygons(rings), 0, 0, width, height)


def main() -> None:
    cv2.setNumThreads(1)
    random.seed(0)
    sample = np.load(sys.argv[1])
    image, boxes, points = sample["image"], sample["boxes"], sample["points"]
    height, width = image.shape[:2]
    made: dict[str, Any] = {}
    for line in sys.stdin:
        turn = json.loads(line)
        case = turn["case"]
        if case not in made:
            made[case] = A.Compose(
                ops(case, width, height),
                bbox_params=A.BboxParams("pascal_voc", label_fields=["classes"]),
                keypoint_params=A.KeypointParams("xy", remove_invisible=False),
                seed=0,
            )
        pipeline, classes = made[case], list(range(len(boxes)))
        began = time.perf_counter()
        for _ in range(turn["times"]):
            made_of = pipeline(image=image, bboxes=boxes, keypoints=points, classes=classes)
            cut_polygons(made_of)
        sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
