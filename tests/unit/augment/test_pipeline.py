"""Maps accumulate, colours come last, and nothing depends on who asks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.augment.config import AugmentConfig
from mlcore.augment.op import OPS
from mlcore.augment.pipeline import Augmenter
from mlcore.contract.records import Record, SceneObject, Where, parse_record, record_to_json
from mlcore.errors import DataError
from mlcore.geometry import affine
from mlcore.geometry.affine import move
from tests.support.augmenting import OBJECTS, config, picture, record, run

HFLIP = {"type": "hflip", "prob": 1.0}
TURN = {"type": "rotate", "prob": 1.0, "max_deg": 30.0}
EVERYTHING = [
    HFLIP, {"type": "vflip"}, TURN, {"type": "scale"},
    {"type": "random_crop", "min_objects": 1, "skip_if_line": False},
    {"type": "roi_crop", "min_crop_size": 64}, {"type": "resize_by_scale"},
    {"type": "center_crop", "share": 0.9}, {"type": "pad_to_multiple"},
    {"type": "color_jitter"}, {"type": "gamma"}, {"type": "hsv"}, {"type": "clahe"},
    {"type": "auto_contrast"}, {"type": "sharpness"}, {"type": "solarize"},
    {"type": "posterize"}, {"type": "equalize"}, {"type": "rotate"}, {"type": "expand_to_fit"},
]


def box(*corners: float, name: str = "类别=螺丝") -> SceneObject:
    return SceneObject(name, "bbox_2d", corners)


def test_a_mirrored_picture_is_exactly_the_mirrored_picture() -> None:
    image = picture()
    found = run(config(HFLIP), image=image)
    assert np.array_equal(found.image, image[:, ::-1])
    both = run(config(HFLIP, {"type": "vflip", "prob": 1.0}), image=image)
    assert np.array_equal(both.image, image[::-1, ::-1])


def test_two_mirrors_cancel_and_nothing_is_resampled_or_rounded() -> None:
    image = picture()
    odd = record((box(10.123456, 20.5, 30.25, 40.75), *OBJECTS))
    found = run(config(HFLIP, HFLIP), odd, image)
    assert found.image is image
    assert found.record == replace(odd, objects=found.record.objects)
    assert set(found.record.objects) == set(odd.objects)


def test_maps_accumulate_into_one_resampling() -> None:
    """There and back again in two warps would blur; in one matrix it changes nothing."""
    image = picture()
    ops = [{"type": "scale", "prob": 1.0, "lo": 2.0, "hi": 2.0},
           {"type": "scale", "prob": 1.0, "lo": 0.5, "hi": 0.5}]
    assert np.array_equal(run(config(*ops), image=image).image, image)


def test_a_barrier_carries_out_what_is_pending() -> None:
    found = run(config(TURN, {"type": "resize_by_scale", "scales": [2.0]}, HFLIP))
    turn, resize, mirror = found.telemetry.steps
    assert resize.detail == {"factor": 2.0, "width": 640, "height": 480}
    expected = affine.compose(
        np.vstack([mirror.detail["matrix"], [0, 0, 1]]),
        affine.scale(2, 2),
        np.vstack([turn.detail["matrix"], [0, 0, 1]]),
    )
    assert np.allclose(found.telemetry.matrix, expected, atol=1e-4)


def test_objects_follow_the_matrix_that_the_telemetry_names() -> None:
    small = record((box(150, 110, 170, 130), SceneObject("a", "line", (140, 100, 180, 140))))
    found = run(config(TURN, {"type": "scale", "prob": 1.0}, HFLIP), small)
    matrix = np.array(found.telemetry.matrix)
    for made, source in zip(found.record.objects, found.telemetry.origin, strict=True):
        assert source is not None
        moved = move(small.objects[source].kind, small.objects[source].points, matrix)
        assert made.kind == moved.kind
        assert sorted(made.points) == pytest.approx(sorted(moved.points), abs=0.01)


def test_the_picture_follows_the_same_matrix_as_the_objects() -> None:
    """A bright square and its box move together, to within resampling."""
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:140, 150:190] = 255
    one = record((box(150, 100, 190, 140),))
    found = run(
        config(TURN, {"type": "resize_by_scale", "scales": [1.5]}, HFLIP, turned_boxes="enclose"),
        one, image,
    )
    ys, xs = np.nonzero(found.image[..., 0] > 170)
    edges = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert found.record.objects[0].points == pytest.approx(edges, abs=2)


def test_colours_come_after_all_geometry_in_their_order() -> None:
    """The fill is 128 where a turn leaves corners; solarised, it is not 128 any more."""
    solarize = {"type": "solarize", "prob": 1.0, "threshold": 100}
    posterize = {"type": "posterize", "prob": 1.0, "bits": 1}
    first = run(config(solarize, TURN, posterize))
    assert tuple(first.image[0, 0]) == (0, 0, 0)
    other = run(config(posterize, TURN, solarize))
    assert tuple(other.image[0, 0]) == (127, 127, 127)


def test_a_box_that_turned_is_a_polygon_and_the_telemetry_says_so() -> None:
    found = run(config(TURN), record((box(150, 110, 170, 130),)))
    assert found.record.objects[0].kind == "poly"
    assert found.telemetry.became_poly == (0,)
    enclosed = run(config(TURN, turned_boxes="enclose"), record((box(150, 110, 170, 130),)))
    assert enclosed.record.objects[0].kind == "bbox_2d"
    assert enclosed.telemetry.became_poly == ()


def test_what_a_map_moves_out_goes_and_is_named() -> None:
    zoom = {"type": "scale", "prob": 1.0, "lo": 3.0, "hi": 3.0}
    edge = record((box(2, 2, 12, 12), box(150, 110, 170, 130)), summary="类别=螺丝×2")
    found = run(config(zoom), edge)
    assert len(found.record.objects) == 1
    assert found.telemetry.lost == ({"source": 0, "reason": "outside"},)
    assert found.telemetry.kept == (1,)
    assert found.record.summary == "类别=螺丝×1"


def test_it_stays_and_is_flagged_where_the_config_says_keep() -> None:
    zoom = {"type": "scale", "prob": 1.0, "lo": 3.0, "hi": 3.0}
    edge = record((box(2, 2, 12, 12), box(150, 110, 170, 130)))
    found = run(config(zoom, outside="keep"), edge)
    assert found.telemetry.degenerate == (0,) and found.telemetry.lost == ()
    assert found.record.objects[0].points == (0, 0, 0, 0)
    assert found.telemetry.coverages == (0.0, 1.0)


def test_a_bypassed_sample_is_untouched() -> None:
    image = picture()
    one = record(summary="x")
    found = run(config(HFLIP, TURN, bypass_prob=1.0), one, image)
    assert found.record is one and found.image is image and found.telemetry.bypassed
    assert found.telemetry.kept == (0, 1, 2, 3, 4)


def test_about_the_given_share_is_bypassed() -> None:
    augmenter = Augmenter(config(HFLIP, bypass_prob=0.3), 5)
    image = picture()
    bypassed = sum(
        augmenter(record(name=f"r{n}"), image, 0, 0, 1).telemetry.bypassed for n in range(400)
    )
    assert 90 <= bypassed <= 150


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_whatever_is_drawn_the_result_keeps_the_contract(seed: int, epoch: int) -> None:
    image = picture()
    before = image.copy()
    found = run(config(*EVERYTHING), record(summary="类别=光纤×1"), image, seed, epoch)
    assert np.array_equal(image, before)
    assert found.image.shape == (found.record.height, found.record.width, 3)
    assert found.image.dtype == np.uint8
    if found.record.objects:
        read = parse_record(record_to_json(found.record), Where("x", 1))
        assert isinstance(read, Record), read
    told = found.telemetry
    assert sorted([*told.kept, *(row["source"] for row in told.lost)]) == [0, 1, 2, 3, 4]
    assert json.loads(json.dumps(told.to_json()))["width"] == found.record.width
    again = run(config(*EVERYTHING), record(summary="类别=光纤×1"), image, seed, epoch)
    assert again.record == found.record and np.array_equal(again.image, found.image)


def test_a_sample_depends_on_seed_epoch_and_id_alone() -> None:
    records = [record(name=f"r{n}") for n in range(12)]
    image = picture()
    settings_ = config(*EVERYTHING)
    there = [Augmenter(settings_, 3)(r, image, 1, 0, 1) for r in records]
    one = Augmenter(settings_, 3)
    back = [one(r, image, 1, 0, 1) for r in reversed(records)][::-1]
    assert [a.record for a in there] == [b.record for b in back]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(there, back, strict=True))
    others = [Augmenter(settings_, 3)(r, image, 2, 0, 1) for r in records]
    assert [a.record for a in there] != [b.record for b in others]


def test_another_op_in_the_list_leaves_the_draws_of_the_rest_alone() -> None:
    alone = run(config(TURN)).telemetry.steps[0]
    beside = run(config(HFLIP, TURN)).telemetry.steps[1]
    assert alone == beside


def test_the_order_of_the_dataset_holds_after_mirroring() -> None:
    row = record((box(10, 10, 20, 20, name="类别=A"), box(200, 10, 210, 20, name="类别=A")))
    found = run(config(HFLIP), row)
    assert found.telemetry.origin == (1, 0)
    given_ = Augmenter(config(HFLIP), 0, policy="as_given")(row, picture(), 0, 0, 1)
    assert given_.telemetry.origin == (0, 1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (replace(record(), coord_space="norm1000"), "pixels"),
        (replace(record(), images=("a", "b")), "2 pictures"),
        (replace(record(), width=64), "64 x 240"),
    ],
)
def test_what_cannot_be_varied_is_an_error_that_names_the_record(
    bad: Record, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        run(config(HFLIP), bad, picture())
    assert caught.value.where == "r"


def test_the_ops_of_the_shipped_list() -> None:
    assert set(OPS.names()) >= {op["type"] for op in EVERYTHING}


def test_a_config_comes_back_from_its_plain_form() -> None:
    settings_ = config(*EVERYTHING, bypass_prob=0.1)
    text = settings_.model_dump_json()
    assert AugmentConfig.model_validate_json(text, strict=True) == settings_
