"""Only what is named learns; adapters come back to the bit, and merged weights answer the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import Qwen3VLForConditionalGeneration

from mlcore.errors import ConfigError, DataError
from mlcore.models.groups import group_of
from mlcore.models.load import load_model
from mlcore.tuning.canary import canary_logits, difference
from mlcore.tuning.merge import TOLERANCE, merge
from mlcore.tuning.stored import load_adapted
from mlcore.tuning.tuned import Tuned
from tests.support.tuning import BASE, EVERY

Make = Callable[..., Tuned]


def learning(tuned: Tuned) -> list[str]:
    return [name for name, p in tuned.model.named_parameters() if p.requires_grad]


def groups(tuned: Tuned) -> set[str]:
    return {group_of(name) for name in learning(tuned)}


QUICK = ("dora", "offset")
SHAPES = [
    pytest.param(settings, id=name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name, settings in EVERY.items()
]


@pytest.mark.parametrize("settings", SHAPES)
def test_an_adapter_comes_back_to_the_bit_and_merges_to_the_same_answers(
    make: Make, settings: dict[str, Any], tmp_path: Path
) -> None:
    tuned = make(**settings)
    before = canary_logits(tuned.model, BASE)
    assert difference(canary_logits(load_model(BASE), BASE), before) > 1e-3
    tuned.save_adapter(BASE, tmp_path / "adapter")
    again = load_adapted(BASE, tmp_path / "adapter")
    assert again.proven
    assert torch.equal(canary_logits(again.model, BASE), before)
    merged = merge(BASE, tmp_path / "adapter", tmp_path / "merged")
    assert merged.difference <= TOLERANCE
    plain = load_model(tmp_path / "merged")
    assert difference(before, canary_logits(plain, BASE)) <= TOLERANCE
    assert plain.lm_head.weight is plain.model.language_model.embed_tokens.weight


def test_plain_peft_reads_an_adapter_onto_the_plain_library_model(
    make: Make, tmp_path: Path
) -> None:
    tuned = make(**EVERY["offset"])
    tuned.save_adapter(BASE, tmp_path)
    plain = Qwen3VLForConditionalGeneration.from_pretrained(BASE, dtype=torch.float32)
    theirs = PeftModel.from_pretrained(plain, str(tmp_path))
    theirs.train(mode=False)
    ours = canary_logits(tuned.model, BASE)
    assert difference(ours, canary_logits(theirs.base_model.model, BASE)) <= TOLERANCE


def test_the_same_adapter_is_the_same_files(make: Make, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(**EVERY["lora"]).save_adapter(BASE, tmp_path / name)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"type": "full"}, {"llm", "vit", "aligner"}),
        ({"type": "full", "freeze_llm": True, "freeze_vit": True}, {"aligner"}),
        ({"type": "full", "freeze_vit": True, "freeze_aligner": True}, {"llm"}),
        ({"type": "lora"}, {"llm"}),
        ({"type": "lora", "freeze_llm": True, "freeze_aligner": False}, {"aligner"}),
        ({"type": "lora", "coord_offset": True}, {"llm", "offset"}),
        (EVERY["aligner whole"], {"aligner"}),
        ({"type": "lora", "bias": "all", "freeze_aligner": False}, {"llm", "aligner"}),
    ],
)
def test_only_the_parts_that_are_not_frozen_learn(
    make: Make, settings: dict[str, Any], expected: set[str]
) -> None:
    assert groups(make(**settings, moved=False)) == expected


def test_the_last_vision_blocks_alone_can_learn(make: Make) -> None:
    last = {"freeze_llm": True, "freeze_vit": False, "vit_layers": {"last": 2}}
    adapted = learning(make(type="lora", **last, moved=False))
    assert {name.split(".")[3] for name in adapted} == {"1", "2"}
    whole = learning(make(type="full", freeze_aligner=True, **last, moved=False))
    assert {name.split(".")[2] for name in whole} == {"blocks"}
    assert {name.split(".")[3] for name in whole} == {"1", "2"}


def test_targets_by_name_and_by_expression(make: Make) -> None:
    by_name = learning(make(type="lora", target_modules=["q_proj"], moved=False))
    expression = r"model\.language_model\.layers\.\d+\.self_attn\.q_proj"
    assert by_name == learning(make(type="lora", target_regex=expression, moved=False))
    assert len(by_name) == 6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"type": "lora", "target_modules": ["query"]}, "no module of the model is called 'query'"),
        ({"type": "lora", "target_modules": ["qkv"]}, "only in parts or layers that the config"),
        ({"type": "lora", "target_modules": ["norm"]}, "is no linear layer"),
        ({"type": "lora", "target_modules": ["lm_head"]}, "shares its weight"),
        ({"type": "lora", "target_regex": "merger"}, "matches no linear layer"),
        ({"type": "lora", "target_regex": r".*\.qkv"}, "tuning freezes vit"),
        ({"type": "lora", "target_regex": "("}, "the expression is wrong"),
        ({"type": "lora", "llm_layers": {"only": [7]}}, "there are 3 layers"),
        (
            {"type": "full", "freeze_llm": True, "vit_layers": {"last": 6}},
            "there are 3 layers",
        ),
        ({"type": "lora", "modules_to_save": ["nose"]}, "no module of the model is called 'nose'"),
        ({"type": "lora", "modules_to_save": ["visual", "merger"]}, "lies inside"),
        ({"type": "boft", "modules_to_save": ["embed_tokens"]}, "one weight in this model"),
        (
            {"type": "lora", "modules_to_save": ["embed_tokens"], "coord_offset": True},
            "has nothing to add",
        ),
        ({"type": "boft", "block_size": 7}, "not a multiple of 7"),
        ({"type": "fourierft", "frequencies": 4000}, "fewer than 4000 frequencies"),
    ],
)
def test_what_the_model_cannot_have_is_said(
    make: Make, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        make(**settings)


def test_an_adapter_of_another_checkpoint_is_refused(make: Make, tmp_path: Path) -> None:
    make(**EVERY["lora"]).save_adapter(BASE, tmp_path / "adapter")
    note = tmp_path / "adapter" / "adapter_base.json"
    note.write_text(note.read_text().replace('"base_digest": "', '"base_digest": "0'))
    with pytest.raises(DataError, match="made for another checkpoint"):
        merge(BASE, tmp_path / "adapter", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_adapter_of_another_program_is_taken_by_its_names_and_told_apart(
    make: Make, tmp_path: Path
) -> None:
    make(**EVERY["lora"]).save_adapter(BASE, tmp_path)
    (tmp_path / "adapter_base.json").unlink()
    assert not load_adapted(BASE, tmp_path).proven
