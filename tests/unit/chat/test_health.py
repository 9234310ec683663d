from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlcore.chat.health import check_examples
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer, Span, TrainingExample
from mlcore.errors import DataError
from tests.support.scenes import make_image, make_record


@pytest.fixture(scope="module")
def kit(tiny_checkpoint: Path) -> RenderKit:
    return RenderKit.from_folder(tiny_checkpoint)


@pytest.fixture(scope="module")
def healthy(kit: RenderKit) -> TrainingExample:
    return Renderer(kit).training_example(make_record(3), None, "dense", image=make_image(3))


def test_what_the_renderer_makes_is_healthy(kit: RenderKit, tmp_path: Path) -> None:
    renderer = Renderer(kit)
    several = replace(make_record(4), images=("a.png", "b.png"))
    for number, name in enumerate(several.images):
        Image.fromarray(make_image(number)).save(tmp_path / name)
    examples = [
        *(renderer.training_example(make_record(n), None, mode, image=make_image(n))
          for n in range(4) for mode in ("dense", "summary")),
        renderer.training_example(several, tmp_path, "dense"),
        renderer.training_example(replace(make_record(1), objects=()), None, "dense",
                                  image=make_image(1)),
    ]
    assert check_examples(examples, kit) == 10


def changed(array: np.ndarray, places, value) -> np.ndarray:
    out = array.copy()
    out[places] = value
    return out


def test_every_kind_of_damage_is_found_and_named(
    kit: RenderKit, healthy: TrainingExample
) -> None:
    start = healthy.prompt_length
    ids, labels = healthy.input_ids, healthy.labels
    pads = np.flatnonzero(ids == kit.ids.image_pad)
    coord = next(s for s in healthy.spans if s.name == "coord")
    word = int(ids[next(s for s in healthy.spans if s.name == "format").start])
    damaged = {
        "0 image placeholder": replace(
            healthy, input_ids=changed(ids, np.isin(ids, [kit.ids.vision_start,
                kit.ids.vision_end, kit.ids.image_pad]), word),
            labels=labels),
        "1 image placeholder.* for 2": replace(
            healthy, image_grid_thw=np.repeat(healthy.image_grid_thw, 2, 0)),
        "has 5 image tokens": replace(healthy, input_ids=changed(ids, pads[:1], word)),
        "23 patches for a grid of 24": replace(healthy, pixel_values=healthy.pixel_values[1:]),
        "not finite": replace(
            healthy, pixel_values=changed(healthy.pixel_values, (0, 0), np.nan)),
        "prompt is supervised": replace(healthy, labels=changed(labels, start - 1, 7)),
        "another label than itself": replace(healthy, labels=changed(labels, start + 1, -100)),
        "answer is empty": replace(healthy, prompt_length=len(ids)),
        "end-of-turn": replace(healthy, input_ids=changed(ids, -1, word),
                               labels=changed(labels, -1, word)),
        "the span .* begins": replace(healthy, spans=healthy.spans[1:]),
        "the spans end": replace(healthy, spans=healthy.spans[:-1]),
        "no coordinate": replace(
            healthy, input_ids=changed(ids, coord.start, word),
            labels=changed(labels, coord.start, word)),
        "differ in length": replace(healthy, labels=labels[:-1]),
    }
    for message, example in damaged.items():
        with pytest.raises(DataError, match=message) as caught:
            check_examples([healthy, example], kit, "cabinets")
        assert caught.value.where == "cabinets/scene-3"
        assert "images/scene-3.png" in caught.value.message


def test_a_span_may_not_reach_into_the_prompt(kit: RenderKit, healthy: TrainingExample) -> None:
    early = (Span("format", healthy.prompt_length - 1, healthy.prompt_length), *healthy.spans)
    with pytest.raises(DataError, match="begins at token"):
        check_examples([replace(healthy, spans=early)], kit)
