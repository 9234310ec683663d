"""Answers made while training: whose a step has, and how they become samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore.chat.generate import Generated
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import UNSUPERVISED, Renderer, TrainingExample
from mlcore.distill.answers import author_of, prompt_of, with_answers
from mlcore.train.config.distill import DistillConfig
from tests.support.scenes import make_image, make_record


@pytest.fixture(scope="module")
def renderer(tiny_checkpoint: Path) -> Renderer:
    return Renderer(RenderKit.from_folder(tiny_checkpoint))


def example_of(renderer: Renderer, number: int = 1) -> TrainingExample:
    record = make_record(number, 64, 64)
    return renderer.training_example(record, None, "dense", image=make_image(number, 64, 64))


def config(**changes: object) -> DistillConfig:
    return DistillConfig.model_validate({"teacher": "t", **changes})


def test_without_a_share_every_step_has_the_truth() -> None:
    assert {author_of(config(), 0, step) for step in range(50)} == {"truth"}
    assert {author_of(config(seq_kd=True), 0, step) for step in range(50)} == {"teacher"}


def test_the_student_speaks_in_its_share_of_the_steps() -> None:
    authors = [author_of(config(lmbda=0.3), 7, step) for step in range(2000)]
    assert authors.count("student") == pytest.approx(600, abs=60)
    assert set(authors) == {"student", "truth"}
    assert {author_of(config(lmbda=1.0, seq_kd=True), 7, s) for s in range(99)} == {"student"}


def test_whose_turn_it_is_depends_on_seed_and_step_alone() -> None:
    def turns(seed: int) -> list[str]:
        return [author_of(config(lmbda=0.5), seed, step) for step in range(40)]

    assert turns(1) == turns(1)
    assert turns(1) != turns(2)


def test_the_prompt_of_a_sample_is_what_the_renderer_asks(renderer: Renderer) -> None:
    asked = prompt_of(example_of(renderer))
    image = make_image(1, 64, 64)
    wanted = renderer.prompt_example(make_record(1, 64, 64), None, "dense", image=image)
    assert np.array_equal(asked.input_ids, wanted.input_ids)
    assert np.array_equal(asked.position_ids, wanted.position_ids)
    assert (asked.labels == UNSUPERVISED).all()
    assert asked.prompt_length == wanted.prompt_length == len(asked)


def generated(*ids: int, finished: bool = True) -> Generated:
    return Generated("", ids, finished=finished, new_tokens=len(ids) + finished)


def test_the_true_answer_made_again_is_the_sample_itself(renderer: Renderer) -> None:
    whole = example_of(renderer)
    answer = generated(*whole.input_ids[whole.prompt_length : -1].tolist())
    made = with_answers([prompt_of(whole)], [answer], renderer.ids.im_end, 512)
    assert np.array_equal(made.examples[0].input_ids, whole.input_ids)
    assert np.array_equal(made.examples[0].labels, whole.labels)
    assert np.array_equal(made.examples[0].position_ids, whole.position_ids)
    assert made.counted["made_tokens"] == len(whole) - whole.prompt_length


def test_empty_cut_and_overlong_answers_are_kept_and_counted(renderer: Renderer) -> None:
    prompt = prompt_of(example_of(renderer))
    end, limit = renderer.ids.im_end, len(prompt) + 3
    answers = [generated(), generated(5, 6, finished=False), generated(5, 6, 7), generated(5, 6)]
    made = with_answers([prompt] * 4, answers, end, limit)
    told = [e.labels[e.labels != UNSUPERVISED].tolist() for e in made.examples]
    assert told == [[end], [5, 6], [5, 6, 7], [5, 6, end]]
    assert made.counted == {
        "made": 4,
        "made_tokens": 9,
        "made_empty": 1,
        "made_unfinished": 2,
    }


def test_a_prompt_that_leaves_no_room_gives_no_supervised_token(renderer: Renderer) -> None:
    prompt = prompt_of(example_of(renderer))
    made = with_answers([prompt], [generated(5)], renderer.ids.im_end, len(prompt))
    assert (made.examples[0].labels == UNSUPERVISED).all()
    assert made.counted["made_unfinished"] == 1
