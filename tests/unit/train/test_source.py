"""A draw becomes the same sample whoever asks for it, and settings of a dataset are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlcore.chat.kit import RenderKit
from mlcore.chat.render import TrainingExample
from mlcore.errors import DataError
from mlcore.train.members import load_data
from mlcore.train.order import Draw
from mlcore.train.prepare import Prepared, check_health, prepare
from mlcore.train.source import COUNTERS
from tests.support.training import (
    AUGMENTATION,
    config_of,
    context,
    fusion_settings,
    one_dataset,
    sft_settings,
)


def prepared(settings: dict[str, Any], checkpoint: Path, folder: Path) -> Prepared:
    config = config_of(settings)
    data = load_data(config, context(folder))
    return prepare(config, RenderKit.from_folder(checkpoint), data, folder / "banks")


@pytest.fixture
def mixture(
    tmp_path: Path, training_set: Path, other_set: Path, tiny_checkpoint: Path
) -> Prepared:
    settings = fusion_settings(training_set, other_set, tiny_checkpoint, steps=10, batch_size=8)
    return prepared(settings, tiny_checkpoint, tmp_path / "run")


def same(a: TrainingExample, b: TrainingExample) -> bool:
    return (
        np.array_equal(a.input_ids, b.input_ids)
        and np.array_equal(a.pixel_values, b.pixel_values)
        and np.array_equal(a.image_grid_thw, b.image_grid_thw)
        and a.spans == b.spans
    )


def test_one_process_and_eight_see_the_same_samples_of_every_batch(
    mixture: Prepared, tmp_path: Path, training_set: Path, other_set: Path, tiny_checkpoint: Path
) -> None:
    settings = fusion_settings(training_set, other_set, tiny_checkpoint, steps=10, batch_size=8)
    for step in (0, 7):
        draws = mixture.order.step(step).draws
        whole = [mixture.source.sample(draw, step) for draw in draws]
        for rank in reversed(range(8)):
            other = prepared(settings, tiny_checkpoint, tmp_path / f"rank-{step}-{rank}")
            (draw,) = other.order.step(step).draws[rank::8]
            sample = other.source.sample(draw, step)
            assert (sample.draw, sample.counted) == (whole[rank].draw, whole[rank].counted)
            assert same(sample.example, whole[rank].example)


def test_a_sample_does_not_depend_on_what_was_asked_for_before(mixture: Prepared) -> None:
    draws = [draw for step in range(4) for draw in mixture.order.step(step).draws]
    forwards = [mixture.source.sample(draw, 3).example for draw in draws]
    backwards = [mixture.source.sample(draw, 3).example for draw in reversed(draws)][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))


def test_augmentation_changes_a_target_anew_at_every_visit_and_a_source_never(
    mixture: Prepared,
) -> None:
    def looks(member: int) -> list[TrainingExample]:
        return [
            mixture.source.sample(Draw(member, 0, "dense", visit), 9).example for visit in range(4)
        ]

    target, source = looks(0), looks(1)
    assert not all(same(target[0], one) for one in target[1:])
    assert all(np.array_equal(source[0].pixel_values, one.pixel_values) for one in source[1:])


def test_the_curriculum_decides_how_much_is_augmented(mixture: Prepared) -> None:
    def bypassed(step: int) -> int:
        draws = [Draw(0, record, "dense", visit) for record in range(12) for visit in range(4)]
        counted = [mixture.source.sample(draw, step).counted for draw in draws]
        return sum(count.get("augment/bypassed", 0) for count in counted)

    assert bypassed(9) < bypassed(0)


def test_a_source_has_at_most_its_objects_in_dense_samples_and_its_whole_summary(
    mixture: Prepared,
) -> None:
    feed = mixture.source.feeds[1]
    for place, record in enumerate(feed.records):
        sample = mixture.source.sample(Draw(1, place, "dense", 0), 0)
        assert sample.counted["data/capped"] == max(0, len(record.objects) - 2)
        summary = mixture.source.sample(Draw(1, place, "summary", 0), 0)
        assert summary.counted == {}


def test_everything_that_is_counted_has_its_place_in_the_sums(mixture: Prepared) -> None:
    draws = [draw for step in range(10) for draw in mixture.order.step(step).draws]
    names = {name for draw in draws for name in mixture.source.sample(draw, 9).counted}
    assert names <= set(COUNTERS)


def test_a_capped_record_is_measured_by_its_longest_objects(mixture: Prepared) -> None:
    feed = mixture.source.feeds[1]
    for place, record in enumerate(feed.records):
        lengths = [
            len(mixture.source.sample(Draw(1, place, "dense", visit), 0).example)
            for visit in range(6)
        ]
        assert max(lengths) <= feed.length(record)


def test_what_augmentation_makes_too_long_is_taken_as_it_is(mixture: Prepared) -> None:
    feed = mixture.source.feeds[0]
    draws = [Draw(0, record, "dense", visit) for record in range(12) for visit in range(3)]
    limits = [feed.length(feed.records[draw.record]) for draw in draws]
    samples = [feed.sample(d, 9, 10, limit) for d, limit in zip(draws, limits, strict=True)]
    assert sum(sample.counted.get("augment/too_long", 0) for sample in samples) > 0
    assert all(len(s.example) <= n for s, n in zip(samples, limits, strict=True))


def test_what_augmentation_makes_too_large_is_taken_as_it_is(mixture: Prepared) -> None:
    feed = replace(mixture.source.feeds[0], max_pixels=64 * 64)
    samples = [feed.sample(Draw(0, 0, "dense", visit), 9, 10, 10_000) for visit in range(8)]
    assert sum(sample.counted.get("augment/too_large", 0) for sample in samples) > 0
    assert {tuple(s.example.image_grid_thw[0]) for s in samples} == {(1, 4, 4)}


def test_an_augmentation_whose_pictures_cannot_be_used_is_found_before_training(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    ops = [op for op in AUGMENTATION["ops"] if op["type"] != "expand_to_fit"]
    ops[2] = {**ops[2], "prob": 1.0, "scale": [0.6, 0.7]}
    data = one_dataset(training_set, augmentation={"ops": ops})
    settings = sft_settings(training_set, tiny_checkpoint, data=data)
    made = prepared(settings, tiny_checkpoint, tmp_path / "run")
    with pytest.raises(DataError, match=r"after augmentation by .*random_crop") as caught:
        check_health(made)
    assert "expand_to_fit" in caught.value.hint
    assert caught.value.where.startswith("scene-")
