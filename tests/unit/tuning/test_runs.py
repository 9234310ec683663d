"""Runs that train adapters: what they write, how they go on, what a second stage begins with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mlcore.errors import ConfigError, DataError, InterruptedRunError
from mlcore.models.load import load_model
from mlcore.train.job import run
from mlcore.tuning.canary import canary_logits, difference
from mlcore.tuning.merge import TOLERANCE, merge
from mlcore.tuning.stored import digest, load_adapted
from tests.support.training import (
    StopAfter,
    config_of,
    context,
    metrics,
    sft_config,
    sft_settings,
)
from tests.support.tuning import BASE, EVERY

FAST: dict[str, Any] = {
    "optim": {"optimizer": "adamw", "lr": 1e-2, "warmup_steps": 1},
    "batch_size": 2,
    "micro_batch": 2,
}


def trained(
    folder: Path, training_set: Path, tuning: dict[str, Any], model: Any = None, **changes: Any
) -> Path:
    """The folder of a finished run on the shipped checkpoint, or on `model`."""
    settings = sft_settings(training_set, BASE, **{**FAST, "tuning": tuning, **changes})
    run(config_of({**settings, "model": model or start()}), context(folder))
    return folder


def start(**more: Any) -> dict[str, Any]:
    return {"type": "checkpoint", "checkpoint": str(BASE), **more}


def test_a_run_of_adapters_has_an_adapter_and_no_model(training_set: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path, training_set, EVERY["offset"], steps=2)
    assert {p.name for p in (folder / "artifacts").iterdir() if p.is_dir()} >= {"adapter"}
    assert not (folder / "artifacts" / "model").exists()
    adapter = folder / "artifacts" / "adapter"
    names = {p.name for p in adapter.iterdir()}
    assert names == {"adapter_model.safetensors", "adapter_config.json", "adapter_base.json"}
    assert json.loads((adapter / "adapter_base.json").read_text())["base_digest"] == digest(BASE)


def test_frozen_parts_stay_to_the_bit(training_set: Path, tmp_path: Path) -> None:
    tuning = {"type": "full", "freeze_llm": True, "freeze_vit": True}
    folder = trained(tmp_path, training_set, tuning, steps=2)
    before = load_file(BASE / "model.safetensors")
    after = load_file(folder / "artifacts" / "model" / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("merger" in name for name in changed)


@pytest.mark.parametrize("kind", ["adalora", pytest.param("offset", marks=pytest.mark.slow)])
def test_a_stopped_run_of_adapters_goes_on_to_the_same_bits(
    training_set: Path, tmp_path: Path, kind: str
) -> None:
    tuning = {**EVERY[kind], "dropout": 0.1}
    whole = trained(tmp_path / "whole", training_set, tuning)
    config = sft_config(training_set, BASE, **{**FAST, "tuning": tuning})
    with pytest.raises(InterruptedRunError):
        run(config, context(tmp_path / "parts", StopAfter(2)))
    run(config, context(tmp_path / "parts", attempt=2))
    assert metrics(tmp_path / "parts") == metrics(whole)
    ours, theirs = (
        (folder / "artifacts" / "adapter" / "adapter_model.safetensors").read_bytes()
        for folder in (whole, tmp_path / "parts")
    )
    assert ours == theirs


def test_adalora_ends_with_the_ranks_that_it_was_told(training_set: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path, training_set, EVERY["adalora"])
    weights = load_file(folder / "artifacts" / "adapter" / "adapter_model.safetensors")
    ranks = [len(tensor) for name, tensor in weights.items() if "lora_E" in name]
    assert sum(ranks) == 2 * len(ranks)
    assert load_adapted(BASE, folder / "artifacts" / "adapter").proven


def test_a_second_stage_goes_on_with_the_adapter_of_the_first(
    training_set: Path, tmp_path: Path
) -> None:
    first = trained(tmp_path / "1", training_set, EVERY["lora"], steps=2)
    adapter = first / "artifacts" / "adapter"
    model = start(adapter=str(adapter), adapter_then="continue")
    tiny = {**FAST["optim"], "lr": 1e-12}
    second = trained(tmp_path / "2", training_set, EVERY["lora"], model, steps=1, optim=tiny)
    again = load_adapted(BASE, second / "artifacts" / "adapter").model
    before = load_adapted(BASE, adapter).model
    logits = canary_logits(before, BASE)
    assert difference(logits, canary_logits(again, BASE)) <= TOLERANCE
    assert difference(logits, canary_logits(load_model(BASE), BASE)) > 1e-3
    with pytest.raises(ConfigError, match="another r than `tuning` describes: 4, now 8"):
        trained(tmp_path / "3", training_set, {**EVERY["lora"], "rank": 8}, model, steps=1)


def test_a_second_stage_begins_anew_on_the_merged_first(training_set: Path, tmp_path: Path) -> None:
    first = trained(tmp_path / "1", training_set, EVERY["lora"], steps=2)
    adapter = first / "artifacts" / "adapter"
    model = start(adapter=str(adapter), adapter_then="merge")
    second = trained(tmp_path / "2", training_set, {"type": "lora", "rank": 2}, model, steps=1)
    base = second / "artifacts" / "base"
    logits = canary_logits(load_adapted(BASE, adapter).model, BASE)
    assert difference(logits, canary_logits(load_model(base), BASE)) <= TOLERANCE
    assert load_adapted(base, second / "artifacts" / "adapter").base_digest == digest(base)
    with pytest.raises(DataError, match="made for another checkpoint"):
        merge(BASE, second / "artifacts" / "adapter", tmp_path / "no")


def test_adalora_needs_steps_in_which_ranks_fall(training_set: Path) -> None:
    with pytest.raises(ValueError, match="1 steps are too few for ranks to fall"):
        sft_config(training_set, BASE, tuning={"type": "adalora"}, steps=1)


@pytest.mark.parametrize(
    ("model", "tuning", "words"),
    [
        ({"adapter": "x"}, {"type": "lora"}, "adapter_then"),
        ({"adapter_then": "merge"}, {"type": "lora"}, "go together"),
        ({"adapter": "x", "adapter_then": "continue"}, {"type": "full"}, "cannot go on learning"),
        (
            {"adapter": "x", "adapter_then": "continue", "coord_tokens": "expand"},
            {"type": "lora"},
            "merge it",
        ),
        ({}, {"type": "lora", "freeze_llm": True}, "nothing would learn"),
        ({}, {"type": "lora", "target_modules": []}, "nothing would learn"),
        ({}, {"type": "full", "freeze_llm": True, "freeze_vit": True, "freeze_aligner": True},
         "nothing can learn"),
        ({}, {"type": "lora", "vit_layers": {"last": 1}}, "freeze_vit freezes"),
        ({}, {"type": "full", "vit_layers": {"last": 1, "first": 1}}, "exactly one"),
        ({}, {"type": "adalora", "rank": 4, "target_rank": 4}, "not below rank"),
        ({}, {"type": "adalora", "warmup": 0.5, "settle": 0.5}, "leave no steps"),
    ],
)  # fmt: skip
def test_a_config_that_contradicts_itself_is_refused(
    training_set: Path, model: dict[str, Any], tuning: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        config_of({**sft_settings(training_set, tuning=tuning), "model": start(**model)})
