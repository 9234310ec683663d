"""Crops: what stays, what is called partial, and how two of them work together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlcore.augment.completeness import as_partial
from mlcore.contract.records import SceneObject
from mlcore.contract.summaries import text_summary
from tests.support.augmenting import OBJECTS, config, picture, record, run

SCREW = "类别=BBU安装螺丝,可见性=完整,符合性=符合"


def centre(share: float, **rest: Any) -> dict[str, Any]:
    return {"type": "center_crop", "share": share, **rest}


def box(*corners: float, desc: str = SCREW) -> SceneObject:
    return SceneObject(desc, "bbox_2d", corners)


def test_a_crop_is_exactly_a_part_of_the_picture() -> None:
    image = picture()
    found = run(config(centre(0.5)), image=image)
    assert np.array_equal(found.image, image[60:180, 80:240])
    assert (found.record.width, found.record.height) == (160, 120)


def test_objects_of_which_too_little_is_left_go_and_the_summary_follows() -> None:
    kept, cut, gone = box(100, 80, 120, 100), box(60, 80, 82, 100), box(0, 0, 10, 10)
    one = record((kept, cut, gone), summary=text_summary([SCREW] * 3))
    found = run(config(centre(0.5, min_coverage=0.3)), one)
    assert found.record.objects == (box(20, 20, 40, 40),)
    assert found.record.summary == f"{SCREW}×1"
    assert found.telemetry.kept == (0,)
    assert found.telemetry.lost == (
        {"source": 1, "reason": "coverage"}, {"source": 2, "reason": "outside"}
    )


def test_an_object_that_is_cut_is_no_longer_called_complete() -> None:
    one = record((box(60, 80, 100, 100),), summary=f"{SCREW}×1")
    found = run(config(centre(0.5)), one)
    partly = SCREW.replace("可见性=完整", "可见性=部分")
    assert found.record.objects == (box(0, 20, 20, 40, desc=partly),)
    assert found.record.summary == f"{partly}×1"
    assert found.telemetry.partial == (0,) and found.telemetry.coverages == (0.5,)


def test_two_crops_compose_and_speak_of_the_original_record() -> None:
    """The middle half of the middle half; the second crop's places are not the first one's."""
    gone_first, gone_second, stays = (
        box(0, 0, 10, 10), box(90, 70, 110, 85), box(150, 110, 170, 130)
    )
    one = record((gone_first, gone_second, stays))
    found = run(config(centre(0.5), centre(0.5)), one)
    assert found.telemetry.kept == (2,) and found.telemetry.origin == (2,)
    assert [row["source"] for row in found.telemetry.lost] == [0, 1]
    assert found.record.objects == (box(30, 20, 50, 40),)
    assert np.allclose(found.telemetry.matrix, [[1, 0, -120], [0, 1, -90], [0, 0, 1]])


def test_the_coverage_of_two_crops_is_that_of_the_whole_object() -> None:
    one = record((box(40, 110, 200, 130),))
    found = run(config(centre(0.5, min_coverage=0.4), centre(0.5, min_coverage=0.4)), one)
    assert found.telemetry.coverages == (0.5,)
    again = run(config(centre(0.5, min_coverage=0.6), centre(0.5, min_coverage=0.6)), one)
    assert again.telemetry.lost == ({"source": 0, "reason": "coverage"},)


def test_a_polygon_that_is_cut_keeps_its_outline() -> None:
    found = run(config(centre(0.5, min_coverage=0.1)), record(OBJECTS[:1]))
    (made,) = found.record.objects
    assert made.kind == "poly" and len(made.points) > 8


def roi(**rest: Any) -> dict[str, Any]:
    return {"type": "roi_crop", "prob": 1.0, "min_crop_size": 32, **rest}


def test_a_window_around_an_anchor_shows_the_anchor() -> None:
    for seed in range(20):
        found = run(config(roi(anchor_classes=["BBU安装螺丝"])), seed=seed)
        assert found.telemetry.applied == ("roi_crop",)
        left, top, width, height = found.telemetry.steps[0].detail["window"]
        assert left >= 0 and left + width <= 320 and top >= 0 and top + height <= 240
        assert {1, 2} & set(found.telemetry.kept)


def test_the_window_is_as_much_larger_as_the_range_says() -> None:
    sizes = set()
    for seed in range(40):
        one = record((box(150, 110, 190, 130),))
        found = run(config(roi(anchor_classes=["BBU安装螺丝"], scale_range=[1.5, 2.0],
                               min_crop_size=1)), one, seed=seed)
        sizes.add(tuple(found.telemetry.steps[0].detail["window"][2:]))
    assert all(60 <= w <= 80 and 30 <= h <= 40 for w, h in sizes) and len(sizes) > 5


def test_the_least_size_holds_where_the_picture_has_it() -> None:
    one = record((box(150, 110, 170, 130),))
    found = run(config(roi(anchor_classes=["BBU安装螺丝"], min_crop_size=300)), one)
    assert (found.record.width, found.record.height) == (300, 240)


@pytest.mark.parametrize(
    ("ops", "objects", "reason"),
    [
        (roi(anchor_classes=["机柜"]), OBJECTS, "no_anchor"),
        (roi(anchor_classes=["光纤"]), OBJECTS, "no_anchor"),
        (roi(), (), "no_anchor"),
        ({"type": "random_crop"}, OBJECTS[1:3], "min_objects"),
        ({"type": "random_crop", "scale": [1.0, 1.0], "aspect": [1.0, 1.0]}, OBJECTS, "line"),
        (centre(1.0), OBJECTS, "same_size"),
        ({"type": "resize_by_scale", "scales": [1.0], "align_multiple": 1}, OBJECTS, "same_size"),
        ({"type": "pad_to_multiple", "multiple": 40}, OBJECTS, "same_size"),
    ],
)
def test_an_op_that_does_nothing_says_why_and_changes_nothing(
    ops: dict[str, Any], objects: tuple[SceneObject, ...], reason: str
) -> None:
    image = picture()
    one = record(objects)
    found = run(config(ops), one, image)
    assert found.telemetry.steps[0].skipped == reason
    assert found.image is image
    assert set(found.record.objects) == set(objects)


def test_a_line_stays_in_a_window_where_any_of_it_is() -> None:
    line = SceneObject("类别=光纤", "line", (0, 120, 160, 120, 319, 10))
    anchor = box(150, 110, 170, 130)
    found = run(config(roi(anchor_classes=["BBU安装螺丝"])), record((anchor, line)))
    assert found.telemetry.kept == (0, 1)
    strict = run(config(centre(0.2, min_coverage=0.9)), record((anchor, line)))
    assert strict.telemetry.kept == (0,)


@pytest.mark.parametrize(
    ("desc", "partly"),
    [
        ("类别=挡风板,可见性=完整,备注=好", "类别=挡风板,可见性=部分,备注=好"),
        ("类别=挡风板,备注=螺丝,可见性=完整", "类别=挡风板,备注=螺丝,可见性=部分"),
        ("类别=螺丝,可见性=部分,备注=先,可见性=完整", "类别=螺丝,可见性=部分,备注=先,可见性=完整"),
        ("类别=标签,文本=可见性=完整", "类别=标签,文本=可见性=完整"),
        ("类别=挡风板,备注=显示完整", "类别=挡风板,备注=显示完整"),
        ("类别=挡风板,可见性=完整好", "类别=挡风板,可见性=完整好"),
        ("螺丝/BBU安装螺丝,显示完整,符合要求", "螺丝/BBU安装螺丝,只显示部分,符合要求"),
        ("BBU设备/华为,显示完整/需安装,备注:显示完整,显示完整",
         "BBU设备/华为,只显示部分/需安装,备注:显示完整,显示完整"),
        ("标签/显示完整", "标签/显示完整"),
        ("RBC", "RBC"),
    ],
)
def test_only_whole_tokens_change_never_text(desc: str, partly: str) -> None:
    assert as_partial(desc) == partly
    assert as_partial(partly) == partly


def test_padding_is_the_share_without_picture() -> None:
    found = run(config({"type": "pad_to_multiple", "multiple": 256}))
    assert (found.record.width, found.record.height) == (512, 256)
    assert found.telemetry.padding_ratio == pytest.approx(1 - 320 * 240 / (512 * 256), abs=1e-6)
    assert tuple(found.image[250, 500]) == (128, 128, 128)
    assert run(config({"type": "hflip", "prob": 1.0})).telemetry.padding_ratio == 0.0


def test_expanding_holds_the_whole_turned_picture() -> None:
    turn = {"type": "rotate", "prob": 1.0, "max_deg": 45.0}
    for seed in range(10):
        found = run(config(turn, {"type": "expand_to_fit", "multiple": 32}), seed=seed)
        assert found.telemetry.lost == () and min(found.telemetry.coverages) == 1.0
        assert found.record.width % 32 == 0 and found.record.height % 32 == 0
        area = found.record.width * found.record.height
        assert found.telemetry.padding_ratio == pytest.approx(1 - 320 * 240 / area, abs=0.01)


def test_expanding_stays_under_the_cap_and_nothing_is_cut_off() -> None:
    turn = {"type": "rotate", "prob": 1.0, "max_deg": 45.0}
    expand = {"type": "expand_to_fit", "multiple": 32, "max_pixels": 60000}
    for seed in range(10):
        found = run(config(turn, expand), seed=seed)
        assert found.record.width * found.record.height <= 60000
        assert found.record.width % 32 == 0 and found.record.height % 32 == 0
        assert min(found.telemetry.coverages) == 1.0


def test_expanding_what_was_not_moved_only_aligns() -> None:
    found = run(config({"type": "expand_to_fit", "multiple": 100}))
    assert (found.record.width, found.record.height) == (400, 300)
    assert np.array_equal(found.image[:240, :320], picture())


def test_resizing_rounds_each_side_up_by_itself() -> None:
    found = run(config({"type": "resize_by_scale", "scales": [0.9], "align_multiple": 32}))
    assert (found.record.width, found.record.height) == (288, 224)
    capped = run(config(
        {"type": "resize_by_scale", "scales": [2.0], "align_multiple": 32, "max_pixels": 100_000}
    ))
    assert capped.record.width * capped.record.height <= 100_000
