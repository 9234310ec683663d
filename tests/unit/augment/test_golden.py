"""Pictures and geometry of fixed seeds, to the last bit. OpenCV is pinned, so the hashes hold.

`GATEHOUSE_WRITE_GOLDEN=1` writes the file again; look at the difference before keeping it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlcore.augment.op import OPS
from mlcore.contract.records import SceneObject, object_to_json
from tests.support.augmenting import OBJECTS, config, record, run

FILE = Path(__file__).resolve().parents[2] / "golden" / "augment" / "ops.json"
SCREW = SceneObject("类别=螺丝", "bbox_2d", (20, 170, 36, 186))
CASES: dict[str, list[dict[str, Any]]] = {
    name: [{"type": name, "prob": 1.0}] for name in OPS.names() if name != "shear"
}
CASES["random_crop"] = [{"type": "random_crop", "prob": 1.0, "skip_if_line": False,
                         "min_objects": 1}]
CASES["roi_crop"] = [{"type": "roi_crop", "prob": 1.0, "min_crop_size": 100}]
CASES["pad_to_multiple"] = [{"type": "pad_to_multiple", "multiple": 100}]
CASES["expand_to_fit"] = [{"type": "rotate", "prob": 1.0}, {"type": "expand_to_fit"}]
CASES["all"] = [
    {"type": "roi_crop", "prob": 1.0, "min_crop_size": 160},
    {"type": "hflip", "prob": 1.0}, {"type": "resize_by_scale"},
    {"type": "rotate", "prob": 1.0, "max_deg": 17.0}, {"type": "color_jitter"},
    {"type": "hsv"}, {"type": "gamma"}, {"type": "expand_to_fit"},
]


def made(case: str) -> dict[str, Any]:
    found = run(config(*CASES[case]), record((*OBJECTS, SCREW)), seed=11)
    return {
        "size": [found.record.width, found.record.height],
        "sha256": hashlib.sha256(found.image.tobytes()).hexdigest(),
        "objects": [object_to_json(o) for o in found.record.objects],
        "telemetry": json.loads(json.dumps(found.telemetry.to_json())),
    }


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_fixed_seed_gives_the_same_picture_and_geometry(case: str) -> None:
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if os.environ.get("GATEHOUSE_WRITE_GOLDEN"):
        known[case] = made(case)
        text = json.dumps(known, ensure_ascii=False, indent=1, sort_keys=True)
        FILE.write_text(text + "\n", encoding="utf-8")
    now, then = made(case), known[case]
    assert now["size"] == then["size"] and now["sha256"] == then["sha256"]
    assert now["objects"] == then["objects"]
    told, expected = now["telemetry"], then["telemetry"]
    for row, wanted in zip(told.pop("matrix"), expected.pop("matrix"), strict=True):
        assert row == pytest.approx(wanted, abs=1e-9)
    assert told == expected
