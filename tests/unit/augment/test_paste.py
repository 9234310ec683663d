"""Copies of objects, from the picture itself or from the bank."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mlcore.augment.bank import PatchBank, prepare_bank, refuse_several_hosts
from mlcore.augment.config import AugmentConfig
from mlcore.augment.ops.line_segment_copy_paste import along
from mlcore.augment.pipeline import Augmented, Augmenter
from mlcore.contract.records import Record, SceneObject, Where, parse_record, record_to_json
from mlcore.errors import ConfigError, DataError
from mlcore.geometry.measure import bounds, path_length, shared_area
from tests.support.augmenting import config, picture, record, run

SCREWS = tuple(
    SceneObject(f"类别=螺丝,符合性={word}", "bbox_2d", (x, y, x + 16, y + 16))
    for x, y, word in ((30, 30, "符合"), (70, 34, "不符合"), (200, 150, "符合"))
)
FIBRE = SceneObject("类别=光纤,可见性=完整", "line", (20, 200, 120, 210, 240, 215))
ZOOM = {"type": "small_object_zoom_paste", "prob": 1.0}
CLUSTER = {"type": "object_cluster_copy_paste", "prob": 1.0, "cluster_radius_px": 60.0}
SEGMENT = {"type": "line_segment_copy_paste", "prob": 1.0}


def scene(number: int) -> Record:
    """Records that differ in where their objects are."""
    rng = np.random.default_rng(number)
    objects = []
    for index in range(4):
        x, y = (float(v) for v in rng.integers(5, 220, 2))
        box = (x, y * 0.9, x + 12, y * 0.9 + 14)
        objects.append(SceneObject(f"类别=螺丝{index}", "bbox_2d", box))
    line = SceneObject("类别=光纤", "line", (10, 228, 100, 232, 310, 228))
    return record((*objects, line), name=f"r{number}")


RECORDS = [scene(n) for n in range(12)]


def open_image(one: Record) -> npt.NDArray[np.uint8]:
    return picture(number=int(one.id[1:]))


def test_a_small_object_is_there_again_and_larger() -> None:
    image = picture()
    summary = "类别=螺丝,符合性=符合×2，类别=螺丝,符合性=不符合×1"
    found = run(config(ZOOM), record(SCREWS, summary=summary), image)
    assert len(found.record.objects) == 4
    (copy,) = found.telemetry.pasted
    made = found.record.objects[copy["position"]]
    source = SCREWS[copy["index"]]
    assert made.desc == source.desc and copy["record"] == "r"
    x1, y1, x2, y2 = made.points
    assert 1.3 * 16 <= x2 - x1 <= 1.9 * 16 and 1.3 * 16 <= y2 - y1 <= 1.9 * 16
    assert found.telemetry.origin[copy["position"]] is None
    assert found.telemetry.kept == (0, 1, 2)
    assert not np.array_equal(found.image, image)
    assert found.record.summary is not None and "×" in found.record.summary
    assert sum(int(part[-1]) for part in found.record.summary.split("，")) == 4


def test_outside_the_copy_the_picture_is_as_it_was() -> None:
    image = picture()
    found = run(config({**ZOOM, "context": 0}), record(SCREWS), image)
    (copy,) = found.telemetry.pasted
    x1, y1, x2, y2 = (round(v) for v in found.record.objects[copy["position"]].points)
    changed = np.argwhere((found.image != image).any(axis=-1))
    assert changed[:, 0].min() >= y1 - 2 and changed[:, 0].max() <= y2 + 2
    assert changed[:, 1].min() >= x1 - 2 and changed[:, 1].max() <= x2 + 2


def test_a_copy_neither_hides_an_object_nor_lies_on_one() -> None:
    for seed in range(40):
        found = run(config({**ZOOM, "max_copies_per_target": 3, "overlap_threshold": 0.0}),
                    record(SCREWS), seed=seed)
        copies = [row["position"] for row in found.telemetry.pasted]
        boxes = [bounds(o.points) for o in found.record.objects]
        for at in copies:
            assert all(shared_area(boxes[at], box) < 1e-6 for i, box in enumerate(boxes) if i != at)


def test_where_no_place_is_free_nothing_is_pasted() -> None:
    wall = SceneObject("类别=机柜", "bbox_2d", (0, 0, 320, 240))
    found = run(config(ZOOM), record((*SCREWS, wall)))
    assert found.telemetry.steps[0].skipped == "no_place"


@pytest.mark.parametrize("op", [ZOOM, CLUSTER, SEGMENT])
def test_without_anything_to_copy_it_says_so(op: dict[str, Any]) -> None:
    huge = SceneObject("类别=机柜", "bbox_2d", (0, 0, 300, 200))
    assert run(config(op), record((huge,))).telemetry.steps[0].skipped == "no_target"


def test_only_named_classes_are_copied() -> None:
    found = run(config({**ZOOM, "class_whitelist": ["标签"]}), record(SCREWS))
    assert found.telemetry.steps[0].skipped == "no_target"


def test_neighbours_are_copied_as_they_stand_to_each_other() -> None:
    found = run(config(CLUSTER), record(SCREWS))
    copies = {row["index"]: found.record.objects[row["position"]].points
              for row in found.telemetry.pasted}
    assert set(copies) == {0, 1}
    apart = np.array(SCREWS[1].points) - np.array(SCREWS[0].points)
    assert np.array(copies[1]) - np.array(copies[0]) == pytest.approx(apart, abs=0.05)


def test_a_stretch_of_a_line_is_copied_and_called_partial() -> None:
    found = run(config({**SEGMENT, "scale": [1.0, 1.0]}), record((FIBRE,)))
    (copy,) = found.telemetry.pasted
    made = found.record.objects[copy["position"]]
    assert made.kind == "line" and made.desc == "类别=光纤,可见性=部分"
    assert 40 <= path_length(made.points) <= 200


def test_the_stretch_of_a_line_follows_its_path() -> None:
    line = (0.0, 0.0, 10.0, 0.0, 10.0, 10.0)
    assert along(line, 5, 15) == (5, 0, 10, 0, 10, 5)
    assert along(line, 0, 20) == line


def test_a_part_of_another_object_is_never_copied_along() -> None:
    near = SceneObject("类别=标签", "poly", (44, 20, 90, 20, 90, 60, 44, 60))
    found = run(config({**ZOOM, "class_whitelist": ["螺丝"]}), record((SCREWS[0], near)))
    assert found.telemetry.steps[0].skipped == "no_target"


def test_background_cells_hold_little_else() -> None:
    half = SceneObject("类别=机柜", "bbox_2d", (0, 0, 160, 240))
    op = {**ZOOM, "placement_mode": "background", "background_max_coverage": 0.0,
          "overlap_threshold": 1.0, "class_whitelist": ["螺丝"]}
    for seed in range(20):
        found = run(config(op), record((SCREWS[2], half)), seed=seed)
        for row in found.telemetry.pasted:
            x1, _, x2, _ = found.record.objects[row["position"]].points
            assert (x1 + x2) / 2 >= 160


def test_masks_let_a_copy_into_the_corner_of_a_bent_polygon() -> None:
    corner = SceneObject("类别=机柜", "poly", (0, 0, 320, 0, 320, 30, 30, 30, 30, 240, 0, 240))
    screw = SceneObject("类别=螺丝", "bbox_2d", (200, 150, 210, 160))
    op = {**ZOOM, "class_whitelist": ["螺丝"], "overlap_threshold": 0.0}
    boxes = run(config(op), record((corner, screw)))
    assert boxes.telemetry.steps[0].skipped == "no_place"
    masks = run(config({**op, "overlap_mode": "mask"}), record((corner, screw)))
    assert masks.telemetry.applied == ("small_object_zoom_paste",)


@pytest.mark.parametrize("op", [ZOOM, CLUSTER, SEGMENT])
def test_a_record_with_copies_keeps_the_contract(op: dict[str, Any]) -> None:
    for seed in range(15):
        ops = [op, {"type": "rotate", "prob": 1.0}, {"type": "center_crop", "share": 0.8}]
        found = run(config(*ops), record((*SCREWS, FIBRE)), seed=seed)
        assert isinstance(parse_record(record_to_json(found.record), Where("x", 1)), Record)


# the bank

BANK_OPS = config(
    {**ZOOM, "source_mode": "bank"},
    {**CLUSTER, "source_mode": "mixed", "cluster_radius_px": 200.0},
    {**SEGMENT, "source_mode": "bank"},
    {"type": "rotate", "prob": 0.5},
    patch_bank={"capacity": 10, "per_record": 2},
)


def bank(folder: Path, records: list[Record] | None = None, seed: int = 1) -> PatchBank:
    return prepare_bank(folder / "bank", BANK_OPS, records or RECORDS, open_image, seed, {})


def test_an_op_that_wants_a_bank_must_have_one() -> None:
    with pytest.raises(ConfigError, match="small_object_zoom_paste takes patches from a bank"):
        Augmenter(BANK_OPS, 0)


def test_a_patch_from_the_bank_comes_from_another_record(tmp_path: Path) -> None:
    one = Augmenter(BANK_OPS, 0, bank(tmp_path))
    told = [one(r, open_image(r), 0, 0, 1).telemetry for r in RECORDS]
    rows = [(r.id, row) for r, t in zip(RECORDS, told, strict=True) for row in t.pasted]
    foreign = [row for name, row in rows if row["op"] != "object_cluster_copy_paste"]
    assert foreign
    assert all(row["record"] != name for name, row in rows if row in foreign)


def test_the_bank_holds_what_the_config_allows(tmp_path: Path) -> None:
    made = bank(tmp_path)
    assert made.count("small_object_zoom_paste") == 10
    assert 0 < made.count("line_segment_copy_paste") <= 10
    assert len(made) == sum(made.count(op.type) for op in BANK_OPS.ops)


def test_the_same_records_make_the_same_bank_in_any_order(tmp_path: Path) -> None:
    first = bank(tmp_path / "a")
    shuffled = RECORDS[::-1]
    second = bank(tmp_path / "b", shuffled)
    for name in ("patches.bin", "bank.json"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


def test_a_bank_that_is_there_is_used_again_and_a_foreign_one_refused(tmp_path: Path) -> None:
    first = bank(tmp_path)
    stamp = (first.folder / "patches.bin").stat().st_mtime_ns
    assert bank(tmp_path).digest == first.digest
    assert (first.folder / "patches.bin").stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match="other records"):
        bank(tmp_path, seed=2)
    with pytest.raises(DataError, match="no patch bank"):
        PatchBank(tmp_path)


@pytest.mark.parametrize(
    "environ",
    [{"NNODES": "2"}, {"SLURM_NNODES": "4"}, {"WORLD_SIZE": "16", "LOCAL_WORLD_SIZE": "8"},
     {"GROUP_WORLD_SIZE": "3"}],
)
def test_several_hosts_are_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="one host only"):
        prepare_bank(tmp_path / "bank", BANK_OPS, RECORDS, open_image, 1, environ)


def test_several_processes_of_one_host_are_not() -> None:
    refuse_several_hosts({"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "8", "NNODES": "1"})
    refuse_several_hosts({"WORLD_SIZE": "8"})


def work(job: tuple[AugmentConfig, Path, list[int]]) -> list[tuple[int, Augmented]]:
    settings, folder, indices = job
    one = Augmenter(settings, 7, PatchBank(folder))
    return [
        (i, one(RECORDS[i], open_image(RECORDS[i]), epoch, 0, 1))
        for i in indices
        for epoch in (0,)
    ]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_number_of_workers_and_the_order_of_access_change_nothing(
    tmp_path: Path, workers: int
) -> None:
    folder = bank(tmp_path).folder
    expected = dict(work((BANK_OPS, folder, list(range(len(RECORDS))))))
    indices = list(range(len(RECORDS)))
    random.Random(workers).shuffle(indices)
    shares = [(BANK_OPS, folder, indices[n::workers]) for n in range(workers)]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        found = dict(pair for part in pool.map(work, shares) for pair in part)
    assert set(found) == set(expected)
    for index, made in found.items():
        assert made.record == expected[index].record
        assert made.telemetry == expected[index].telemetry
        assert np.array_equal(made.image, expected[index].image)


def test_an_opened_bank_travels_to_another_process(tmp_path: Path) -> None:
    opened = bank(tmp_path)
    rng = np.random.default_rng(0)
    opened.draw("small_object_zoom_paste", rng, "")
    one = Augmenter(BANK_OPS, 7, opened)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        far = pool.apply(one, (RECORDS[3], open_image(RECORDS[3]), 0, 0, 1))
    assert far.record == one(RECORDS[3], open_image(RECORDS[3]), 0, 0, 1).record
