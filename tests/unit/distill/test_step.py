"""What a step with a teacher adds up to: the same as the definition, however it is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import Qwen3VLForConditionalGeneration as Model

from mlcore.chat.collate import ModelBatch, pack_rows, pad_right
from mlcore.chat.render import UNSUPERVISED, Renderer, TrainingExample
from mlcore.distill.features import tapped
from mlcore.distill.lessons import Lessons
from mlcore.distill.step import DistillStep, KdCounts, Study
from mlcore.distill.teacher import Teacher
from mlcore.losses.terms import Counts, Objective
from mlcore.models.load import load_model, load_processor
from mlcore.train.config.distill import DistillConfig
from mlcore.train.step import SftStep, StepOutput
from tests.support.library import full_logits
from tests.support.scenes import make_image, make_record
from tests.unit.losses.test_jsd import reference

VISION: dict[str, Any] = {
    "vit": {"weight": 0.5},
    "aligner": {"weight": 2.0, "distance": "cosine"},
    "deepstack": {"weight": 1.5},
}


def config_of(**changes: Any) -> DistillConfig:
    section = {"teacher": "t", "sft_alpha": 0.7, "llm_kd_weight": 0.3, "vision": VISION}
    return DistillConfig.model_validate({**section, **changes})


def step_of(
    student: Model, teacher: Teacher, renderer: Renderer, config: DistillConfig
) -> DistillStep:
    objective = Objective(None, config.sft_alpha)
    return DistillStep(student, list(renderer.coord_ids), objective, config, teacher)


def counts_of(step: SftStep, batches: Sequence[ModelBatch]) -> Counts:
    text, coord = torch.cat([step.counts(batch) for batch in batches]).sum(0).tolist()
    return Counts(text, coord)


def learn(
    step: DistillStep, batches: Sequence[ModelBatch], made: Sequence[ModelBatch] = ()
) -> tuple[float, dict[str, float], dict[str, torch.Tensor]]:
    """The loss, the sums and the gradients of a whole step over micro-batches."""
    lessons = Lessons(step.config, step.teacher, 2, made)
    for batch in () if made else batches:
        lessons.note(batch)
    whole = counts_of(step, batches)
    step.zero_grad()
    loss, sums = 0.0, dict[str, float]()
    for number, batch in enumerate(batches):
        out: StepOutput = step(batch, whole, 1.0, *lessons.study(number, batch))
        out.loss.backward()
        loss += out.loss.item()
        sums = {name: sums.get(name, 0.0) + v.item() for name, v in out.sums.items()}
    grads = {n: p.grad.clone() for n, p in step.model.named_parameters() if p.grad is not None}
    return loss, sums, grads


def close(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    scale = max(value.abs().max().item() for value in b.values())
    apart = max((a[name] - b[name]).abs().max().item() for name in b)
    return a.keys() == b.keys() and apart <= 1e-9 * scale


def written_out(
    student: Model, teacher: Teacher, batch: ModelBatch, config: DistillConfig
) -> torch.Tensor:
    """The whole loss from full logits and features by the definition, left to autograd."""
    targets = list(config.features)
    with tapped(student, targets, batch.pixel_values) as mine:
        logits = full_logits(student, batch)[:, :-1]
    with torch.no_grad(), tapped(teacher.model, targets, batch.pixel_values) as its:
        words = full_logits(teacher.model, batch)[:, :-1]
    labels = batch.labels[:, 1:]
    at = labels != UNSUPERVISED
    ce = F.cross_entropy(logits[at], labels[at])
    kd = reference(logits[at], words[at], config.beta, config.temperature).mean()
    vit = (mine["vit"][0] - its["vit"][0]).square().mean()
    cosine = F.cosine_similarity(mine["aligner"][0], its["aligner"][0], dim=-1).mean()
    deep = torch.stack(
        [(a - b).square().mean() for a, b in zip(mine["deepstack"], its["deepstack"], strict=True)]
    ).mean()
    return 0.7 * ce + 0.3 * kd + 0.5 * vit + 2.0 * (1 - cosine) + 1.5 * deep


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_loss_and_gradients_are_those_of_the_definition(
    student: Model,
    teacher: Teacher,
    renderer: Renderer,
    examples: list[TrainingExample],
    beta: float,
) -> None:
    config = config_of(beta=beta, temperature=1.5)
    batch = pad_right(examples[:3], renderer.ids.pad)
    wanted = written_out(student, teacher, batch, config)
    student.zero_grad()
    wanted.backward()
    theirs = {n: p.grad.clone() for n, p in student.named_parameters() if p.grad is not None}
    loss, sums, ours = learn(step_of(student, teacher, renderer, config), [batch])
    assert loss == pytest.approx(wanted.item(), rel=1e-9)
    assert close(ours, theirs)
    assert set(sums) == {
        *("text", "coord", "llm_kd"),
        *("vision_kd_vit", "vision_kd_aligner", "vision_kd_deepstack"),
    }


def test_micro_batches_packing_and_chunks_of_the_head_change_nothing(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    step = step_of(student, teacher, renderer, config_of())
    pad = renderer.ids.pad
    loss, sums, grads = learn(step, [pad_right(examples, pad)])
    cuts = {
        "one by one": [pad_right([example], pad) for example in examples],
        "uneven": [pad_right(examples[:4], pad), pad_right(examples[4:], pad)],
        "packed": [pack_rows([examples[:2], examples[2:5]], pad), pad_right(examples[5:], pad)],
    }
    for name, batches in cuts.items():
        again = learn(step, batches)
        assert again[0] == pytest.approx(loss, rel=1e-9), name
        assert again[1] == pytest.approx(sums, rel=1e-9), name
        assert close(again[2], grads), name
    step.chunk_bytes = 4 * 5 * student.config.text_config.vocab_size
    again = learn(step, cuts["uneven"])
    assert again[0] == pytest.approx(loss, rel=1e-9)
    assert close(again[2], grads)


def test_a_student_that_equals_its_teacher_learns_from_the_truth_alone(
    student: Model, tiny_checkpoint: Any, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    same = Teacher(load_model(tiny_checkpoint, torch.float64), load_processor(tiny_checkpoint))
    batch = pad_right(examples[:2], renderer.ids.pad)
    loss, sums, grads = learn(step_of(student, same, renderer, config_of()), [batch])
    plain = SftStep(student, list(renderer.coord_ids), Objective(None, 0.7))
    plain.zero_grad()
    out = plain(batch, counts_of(plain, [batch]), 1.0)
    out.loss.backward()
    assert loss == pytest.approx(out.loss.item(), rel=1e-12)
    assert all(abs(v) < 1e-9 for name, v in sums.items() if "kd" in name)
    assert close(grads, {n: p.grad for n, p in student.named_parameters() if p.grad is not None})


def test_without_the_truth_only_the_teacher_counts(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    step = step_of(student, teacher, renderer, config_of(sft_alpha=0.0, vision=None))
    loss, sums, _ = learn(step, [pad_right(examples[:2], renderer.ids.pad)])
    positions = sum(int((e.labels != UNSUPERVISED).sum()) for e in examples[:2])
    assert list(sums) == ["llm_kd"]
    assert loss == pytest.approx(0.3 * sums["llm_kd"] / positions)


def test_without_words_only_the_eyes_of_the_teacher_are_asked(
    student: Model,
    teacher: Teacher,
    renderer: Renderer,
    examples: list[TrainingExample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = pad_right(examples[:2], renderer.ids.pad)
    _, both, _ = learn(step_of(student, teacher, renderer, config_of()), [batch])
    monkeypatch.setattr(teacher.model.model.language_model, "forward", None)
    step = step_of(student, teacher, renderer, config_of(llm_kd_weight=0.0))
    _, sums, _ = learn(step, [batch])
    assert "llm_kd" not in sums
    eyes = {name: value for name, value in both.items() if name.startswith("vision")}
    assert {n: v for n, v in sums.items() if n in eyes} == pytest.approx(eyes, rel=1e-12)


def test_made_answers_are_compared_while_the_truth_is_learned(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    """The made answers are those to the other task, so that each part is known from elsewhere."""
    truth = pad_right(examples[:2], renderer.ids.pad)
    others = [
        renderer.training_example(
            make_record(n, 64, 64), None, "summary", image=make_image(n, 64, 64)
        )
        for n in (0, 1)
    ]
    made = pad_right(others, renderer.ids.pad)
    of_truth = learn(step_of(student, teacher, renderer, config_of(llm_kd_weight=0.0)), [truth])
    words_alone = config_of(sft_alpha=0.0, vision=None)
    of_made = learn(step_of(student, teacher, renderer, words_alone), [made])
    loss, sums, grads = learn(step_of(student, teacher, renderer, config_of()), [truth], [made])
    assert loss == pytest.approx(of_truth[0] + of_made[0], rel=1e-9)
    assert sums == pytest.approx({**of_truth[1], **of_made[1]}, rel=1e-9)
    nothing = torch.zeros(())
    parts = {n: of_truth[2].get(n, nothing) + of_made[2].get(n, nothing) for n in grads}
    assert close(grads, parts)


def test_without_the_truth_a_step_of_made_answers_reads_nothing_else(
    student: Model, teacher: Teacher, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    truth, made = (pad_right(examples[i : i + 2], renderer.ids.pad) for i in (0, 2))
    step = step_of(student, teacher, renderer, config_of(sft_alpha=0.0))
    loss, sums, grads = learn(step, [made])
    again = learn(step, [truth], [made])
    assert again[0] == pytest.approx(loss, rel=1e-9)
    assert again[1] == pytest.approx(sums, rel=1e-9)
    assert close(again[2], grads)


def test_a_batch_without_images_leaves_the_eyes_out(
    student: Model, teacher: Teacher, renderer: Renderer
) -> None:
    ids = torch.tensor([[300, 301, 302, 303]])
    labels = torch.tensor([[UNSUPERVISED, 301, 302, 303]])
    positions = torch.arange(4).expand(4, 1, 4)
    nobody = torch.zeros_like(ids)
    types = torch.where(labels == UNSUPERVISED, -1, 4).to(torch.int8)
    batch = ModelBatch(
        input_ids=ids,
        labels=labels,
        position_ids=positions,
        owner=nobody,
        types=types,
        samples=1,
        pixel_values=None,
        image_grid_thw=None,
    )
    step = step_of(student, teacher, renderer, config_of())
    study = Study(teacher.read(batch, list(step.config.features)), KdCounts(3, 0, 0))
    out = step(batch, counts_of(step, [batch]), 1.0, study)
    assert set(out.sums) == {"text", "coord", "llm_kd"}
    assert teacher.look(batch, ["vit"]).features == {}
    lessons = Lessons(step.config, teacher, 2)
    lessons.note(batch)
    lessons.add(out.sums)
    assert list(lessons.losses(1.0)) == ["loss", "sft_loss", "llm_kd_loss"]


def test_the_teacher_is_no_part_of_the_student(
    student: Model, teacher: Teacher, renderer: Renderer
) -> None:
    step = step_of(student, teacher, renderer, config_of())
    assert {n.removeprefix("model.") for n in step.state_dict()} == set(student.state_dict())
    assert len(list(step.parameters())) == len(list(student.parameters()))
    assert not any(p.requires_grad for p in teacher.model.parameters())
