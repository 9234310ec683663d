"""Scenes: pure, separate by seed, style and split, with geometry that fits the picture."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.contract.desc import attributes_of, class_of, is_negative
from mlcore.contract.records import Record, Where, parse_record, record_line, record_to_json
from mlcore.geometry.order import order_objects
from mlcore.synth.layout import make_layout
from mlcore.synth.scene import CLASSES, make_scene
from mlcore.synth.style import STYLES

WORDS = {
    "BBU设备": {"类别=BBU设备,可见性=完整", "类别=BBU设备,可见性=部分"},
    "BBU安装螺丝": {
        "类别=BBU安装螺丝,符合性=符合",
        "类别=BBU安装螺丝,符合性=不符合,问题=未拧紧",
    },
    "挡风板": {"类别=挡风板,安装方向=方向正确", "类别=挡风板,安装方向=方向错误"},
    "光纤": {"类别=光纤,保护措施=有保护", "类别=光纤,保护措施=无保护"},
    "标签": {"类别=标签,可读性=可读", "类别=标签,可读性=不可读"},
}
SEEDS = st.integers(0, 2**32 - 1)
MEANS = {
    "a": [[100.4, 103.9, 94.9], [116.0, 120.5, 110.4], [107.4, 112.1, 103.0]],
    "b": [[94.1, 107.7, 128.3], [72.8, 85.4, 102.1], [50.8, 58.7, 72.2]],
}


def digest(seed: int, style: str, split: str, index: int) -> str:
    return hashlib.sha256(make_scene(seed, style, split, index)[0].tobytes()).hexdigest()


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from(sorted(STYLES)), st.integers(0, 10**6))
def test_a_scene_is_a_pure_function_and_its_record_is_valid(
    seed: int, style: str, index: int
) -> None:
    picture, record = make_scene(seed, style, "train", index)
    again, same = make_scene(seed, style, "train", index)
    assert np.array_equal(picture, again)
    assert record_line(record) == record_line(same)
    assert picture.shape == (192, 192, 3)
    assert picture.dtype == np.uint8
    assert isinstance(parse_record(record_to_json(record), Where("x", 1)), Record)


def test_seed_style_split_and_index_each_change_the_picture() -> None:
    keys = [(s, y, p, i) for s in (0, 1) for y in "ab" for p in ("train", "val") for i in (0, 1)]
    assert len({digest(*key) for key in keys}) == len(keys)


def test_no_two_of_many_scenes_are_equal() -> None:
    made = [
        digest(3, style, split, i)
        for style in "ab"
        for split in ("train", "val")
        for i in range(40)
    ]
    assert len(set(made)) == len(made)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_record_tells_of_one_plausible_cabinet(seed: int) -> None:
    _, record = make_scene(seed, "a", "train", 0)
    classes = Counter(class_of(o.desc) for o in record.objects)
    assert classes["BBU安装螺丝"] == 2 * classes["BBU设备"]
    assert 1 <= classes["BBU设备"] <= 2
    assert classes["挡风板"] <= 1
    assert 1 <= classes["光纤"] <= 2
    assert classes["标签"] == 1
    for o in record.objects:
        assert o.desc in WORDS[class_of(o.desc)]
        if class_of(o.desc) == "光纤":
            assert (o.kind, len(o.points)) == ("line", 8)
            assert o.points[0:2] < o.points[6:8]


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(sorted(STYLES)))
def test_objects_come_in_the_one_order(seed: int, style: str) -> None:
    _, record = make_scene(seed, style, "train", 0)
    assert list(record.objects) == order_objects(record.objects, CLASSES)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_small_things_are_large_enough_to_see(seed: int) -> None:
    _, record = make_scene(seed, "a", "train", 0)
    for o in record.objects:
        width = max(o.points[0::2]) - min(o.points[0::2])
        height = max(o.points[1::2]) - min(o.points[1::2])
        if class_of(o.desc) == "BBU安装螺丝":
            assert min(width, height) >= 14
        if class_of(o.desc) == "标签":
            assert width >= 38
            assert height >= 18


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_polygons_start_at_their_topmost_vertex_and_go_clockwise(seed: int) -> None:
    _, record = make_scene(seed, "b", "val", 0)
    for o in (o for o in record.objects if o.kind == "poly"):
        xs, ys = o.points[0::2], o.points[1::2]
        assert (ys[0], xs[0]) == min(zip(ys, xs, strict=True))
        doubled = sum(xs[i] * ys[(i + 1) % 4] - xs[(i + 1) % 4] * ys[i] for i in range(4))
        assert doubled > 0


def test_faults_are_common_but_not_the_rule() -> None:
    layouts = [make_layout(np.random.default_rng(i)) for i in range(400)]
    screws = [s.tight for layout in layouts for d in layout.devices for s in d.screws]
    labels = [label.readable for layout in layouts for label in layout.labels]
    for share in (np.mean(screws), np.mean(labels)):
        assert 0.6 < share < 0.8


def test_styles_share_words_and_differ_in_looks() -> None:
    scenes = {s: [make_scene(1, s, "train", i) for i in range(60)] for s in "ab"}
    words = {s: {o.desc for _, r in made for o in r.objects} for s, made in scenes.items()}
    assert words["a"] == words["b"] == set().union(*WORDS.values())
    means = {s: np.mean([p.mean() for p, _ in made]) for s, made in scenes.items()}
    assert means["a"] - means["b"] > 30


@pytest.mark.parametrize("style", ["a", "b"])
def test_scenes_look_as_they_did_when_the_base_was_trained(style: str) -> None:
    """Mean colours of thirds, within a level: a change of the drawing shows here."""
    picture, _ = make_scene(0, style, "train", 0)
    thirds = [picture[k * 64 : (k + 1) * 64].reshape(-1, 3).mean(axis=0) for k in range(3)]
    assert np.abs(np.array(thirds) - np.array(MEANS[style])).max() <= 1


def test_a_scene_with_every_thing_right_exists_and_so_does_one_with_faults() -> None:
    records = [make_scene(2, "a", "train", i)[1] for i in range(30)]
    faulty = [any(is_negative(o.desc) for o in r.objects) for r in records]
    assert any(faulty)
    assert not all(faulty)


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(KeyError):
        make_scene(0, "c", "train", 0)


def test_loose_screws_say_what_is_wrong_with_them() -> None:
    found = [o.desc for i in range(20) for o in make_scene(4, "a", "train", i)[1].objects]
    loose = [attributes_of(d) for d in found if "不符合" in d]
    assert loose
    assert {a["问题"] for a in loose} == {"未拧紧"}
