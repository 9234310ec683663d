"""Answers that are made for a step: by whom, and that no cut of the batch changes them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from transformers import Qwen3VLForConditionalGeneration as Model

from mlcore.chat.collate import ModelBatch, pad_right
from mlcore.chat.generate import GREEDY, Sampling, generate_batch
from mlcore.chat.render import UNSUPERVISED, Renderer, TrainingExample
from mlcore.distill.answers import prompt_of
from mlcore.distill.coach import Coach, Limits
from mlcore.distill.lessons import Lessons
from mlcore.distill.teacher import Teacher
from mlcore.train.config.distill import DistillConfig
from mlcore.train.order import Draw
from mlcore.train.source import Sample

TOKENS = 12


def coach_of(teacher: Teacher, renderer: Renderer, *, batch: int = 8, **changes: Any) -> Coach:
    section = {"teacher": "t", "max_completion_length": TOKENS, **changes}
    config = DistillConfig.model_validate(section)
    return Coach(config, teacher, renderer.kit, 5, Limits(512, batch))


def samples_of(examples: Sequence[TrainingExample]) -> list[Sample]:
    """Each drawn for the third time."""
    return [Sample(e, Draw(0, n, "dense", 2)) for n, e in enumerate(examples)]


def lessons_of(
    coach: Coach, student: Model, examples: Sequence[TrainingExample], size: int, pad: int
) -> tuple[Lessons, list[ModelBatch | None]]:
    parts = [samples_of(examples)[i : i + size] for i in range(0, len(examples), size)]
    batches = [pad_right([s.example for s in part], pad) for part in parts]
    lessons = coach.lessons(lambda: nullcontext(student), 0, parts, batches)
    return lessons, [study.made for n, b in enumerate(batches) for study in lessons.study(n, b)]


def said(batches: Sequence[ModelBatch | None]) -> list[list[int]]:
    """The supervised tokens of every sample."""
    rows = [row for batch in batches if batch is not None for row in batch.labels]
    return [row[row != UNSUPERVISED].tolist() for row in rows]


def answers(
    model: Model, teacher: Teacher, examples: Sequence[TrainingExample], sampling: Sampling
) -> list[list[int]]:
    """What a model says to each prompt alone."""
    end = 1
    out = []
    for example in examples:
        prompt = prompt_of(example)
        (answer,) = generate_batch(model, teacher.processor, [prompt], TOKENS, sampling, draws=[2])
        closing = [int(example.input_ids[-end])] if answer.finished else []
        out.append([*answer.token_ids, *closing])
    return out


def test_a_forward_only_step_makes_nothing(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    coach = coach_of(teacher, renderer)
    lessons, made = lessons_of(coach, student, examples[:4], 2, renderer.ids.pad)
    assert made == [None, None]
    supervised = sum(int((e.labels != UNSUPERVISED).sum()) for e in examples[:4])
    assert lessons.before() == [supervised, 4 * 16, 4 * 4, 0, 0, 0, 0]
    assert lessons.ratios() == {}


def test_the_student_samples_by_numbers_of_each_sample_however_the_batch_is_cut(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    wanted = answers(student, teacher, examples, Sampling(temperature=1.0, seed=5))
    student.train()
    for size, batch in ((6, 8), (2, 8), (6, 4)):
        coach = coach_of(teacher, renderer, batch=batch, lmbda=1.0)
        lessons, made = lessons_of(coach, student, examples, size, renderer.ids.pad)
        assert said(made) == wanted
        assert lessons.before()[0] == sum(map(len, wanted))
        assert lessons.counts() == {"made": 6.0}
        assert lessons.ratios()["made_tokens"] == (sum(map(len, wanted)), 6.0)
    assert student.training
    assert len({tuple(row) for row in wanted}) > 1


def test_with_seq_kd_the_teacher_gives_its_likeliest_answers(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    coach = coach_of(teacher, renderer, seq_kd=True)
    _, made = lessons_of(coach, student, examples[:3], 3, renderer.ids.pad)
    assert said(made) == answers(teacher.model, teacher, examples[:3], GREEDY)
    assert not teacher.model.training


def test_making_answers_draws_nothing_from_torch(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    before = torch.get_rng_state()
    lessons_of(coach_of(teacher, renderer, lmbda=1.0), student, examples[:2], 2, renderer.ids.pad)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "changes", [{"beta": 0.1}, {"lmbda": 0.5}, {"vision": {"vit": {"weight": 1.0}}}]
)
def test_another_way_of_teaching_has_another_name(
    teacher: Teacher, renderer: Renderer, changes: dict[str, Any]
) -> None:
    same = coach_of(teacher, renderer, batch=2).identity
    assert same == coach_of(teacher, renderer).identity
    assert same != coach_of(teacher, renderer, **changes).identity
