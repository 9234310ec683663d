"""What evaluations score is what the model says of held-out answers, however it is shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mlcore.chat.collate import pad_right
from mlcore.chat.kit import RenderKit
from mlcore.chat.token_types import TYPES
from mlcore.losses.terms import Objective
from mlcore.models.load import load_model
from mlcore.train.config import SftConfig
from mlcore.train.held_out import HeldOut
from mlcore.train.members import load_data
from mlcore.train.prepare import Prepared, prepare
from mlcore.train.setup import held_out_of
from mlcore.train.step import SftStep
from tests.support.library import full_logits
from tests.support.training import config_of, context, fusion_settings

Sums = list[float]


@pytest.fixture(scope="module")
def prepared(
    training_set: Path,
    other_set: Path,
    tiny_checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[SftConfig, Prepared]:
    """A target `a` of both tasks with three held-out images, and a source `b`."""
    data = {
        "type": "fusion",
        "targets": [{"name": "a", "dataset": str(training_set), "summary_share": 0.3}],
        "sources": [{"name": "b", "dataset": str(other_set), "ratio": 0.5}],
    }
    telling = {"token_type_metrics": {"enabled": True}}
    settings = fusion_settings(training_set, other_set, data=data, telemetry=telling)
    config = config_of({**settings, "coord_loss": None, "micro_batch": 2})
    folder = tmp_path_factory.mktemp("held-out")
    loaded = load_data(config, context(folder))
    kit = RenderKit.from_folder(tiny_checkpoint)
    return config, prepare(config, kit, loaded, folder / "banks")


@pytest.fixture(scope="module")
def step(prepared: tuple[SftConfig, Prepared], tiny_checkpoint: Path) -> SftStep:
    model = load_model(tiny_checkpoint).double()
    return SftStep(model, list(prepared[1].kit.coord_ids), Objective(None))


def alone(values: Sequence[float]) -> Sums:
    return list(values)


def figures(held: HeldOut, step: SftStep) -> dict[str, float]:
    return held.figures(step, step, 0, 1, alone)


def reference(held: HeldOut, step: SftStep) -> dict[str, float]:
    """The same from the library's own full logits, a sample at a time."""
    loss = tokens = 0.0
    right: dict[str, list[bool]] = {name: [] for name in TYPES}
    for given in held.given:
        batch = pad_right([given.sample().example], 0)
        with torch.no_grad():
            wide = replace(batch, pixel_values=batch.pixel_values.double())
            logits = full_logits(step.model, wide)[0, :-1]
        told = batch.labels[0, 1:] >= 0
        labels = batch.labels[0, 1:][told]
        loss -= float(logits[told].log_softmax(-1).gather(1, labels[:, None]).sum())
        tokens += len(labels)
        hits = (logits[told].argmax(-1) == labels).tolist()
        for hit, type_ in zip(hits, batch.types[0, 1:][told].tolist(), strict=True):
            right[TYPES[type_]].append(hit)
    every = [hit for hits in right.values() for hit in hits]
    out = {"eval/loss": loss / tokens, "eval/token_acc": sum(every) / len(every)}
    typed = {name: sum(hits) / len(hits) for name, hits in right.items() if hits}
    return out | {f"eval/a_{name}_token_acc": value for name, value in typed.items()}


def test_the_figures_are_those_of_the_library_s_logits(
    prepared: tuple[SftConfig, Prepared], step: SftStep
) -> None:
    held = held_out_of(*prepared)
    told = figures(held, step)
    assert {name: told[name] for name in reference(held, step)} == pytest.approx(
        reference(held, step), rel=1e-6
    )
    assert {"eval/loss_dense", "eval/loss_summary", "eval/a_summary_token_acc"} <= set(told)


def test_the_images_are_those_of_targets_once_for_each_task(
    prepared: tuple[SftConfig, Prepared], step: SftStep
) -> None:
    given = held_out_of(*prepared).given
    assert [(g.record.id, g.mode) for g in given] == [
        (f"scene-{n}", mode) for n in (12, 13, 14) for mode in ("dense", "summary")
    ]
    assert not [name for name in figures(held_out_of(*prepared), step) if name.startswith("eval/b")]


@pytest.mark.parametrize("world", [2, 4, 8])
def test_ranks_add_up_to_one_process_and_pass_forward_equally_often(
    prepared: tuple[SftConfig, Prepared], step: SftStep, world: int
) -> None:
    held = held_out_of(*prepared)
    told: list[Sums] = []
    passes = []

    def keep(values: Sequence[float]) -> Sums:
        told.append(list(values))
        return list(values)

    def count(*arguments: Any) -> Any:
        passes[-1] += 1
        return step(*arguments)

    for rank in range(world):
        passes.append(0)
        held.figures(step, count, rank, world, keep)  # type: ignore[arg-type]
    assert len(set(passes)) == 1
    whole: list[Sums] = []
    held.figures(step, step, 0, 1, lambda values: whole.append(list(values)) or list(values))
    added = [sum(column) for column in zip(*told, strict=True)]
    assert added == pytest.approx(whole[0], rel=1e-9)


def test_the_model_is_left_as_it_was(prepared: tuple[SftConfig, Prepared], step: SftStep) -> None:
    step.model.train()
    state = torch.get_rng_state()
    figures(held_out_of(*prepared), step)
    assert step.model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_no_images_give_no_figures(prepared: tuple[SftConfig, Prepared], step: SftStep) -> None:
    config, made = prepared
    none = config.evaluation.model_copy(update={"loss_images": 0})
    held = held_out_of(config.model_copy(update={"evaluation": none}), made)
    assert figures(held, step) == {}
