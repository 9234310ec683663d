"""A checkpoint without coordinate tokens gets them, always the same ones, and can learn at once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mlcore.chat.kit import RenderKit
from mlcore.errors import ConfigError, DataError
from mlcore.models.load import load_model, load_processor
from mlcore.train.job import run
from mlcore.tuning.expand import MULTIPLE, expand
from tests.support.training import config_of, context, sft_settings
from tests.support.tuning import BASE

COORD = re.compile(r"<\|coord_\d+\|>")


def without_coords(folder: Path, *, tied: bool) -> Path:
    """The shipped checkpoint as one that was never meant for coordinates."""
    folder.mkdir()
    for path in BASE.glob("*.j*"):
        (folder / path.name).write_bytes(path.read_bytes())
    tokenizer = json.loads((BASE / "tokenizer.json").read_text(encoding="utf-8"))
    kept = [t for t in tokenizer["added_tokens"] if not COORD.fullmatch(t["content"])]
    tokenizer["added_tokens"] = kept
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    size = 1 + max(t["id"] for t in kept)
    config = json.loads((BASE / "config.json").read_text(encoding="utf-8"))
    config["text_config"]["vocab_size"] = size
    config["tie_word_embeddings"] = tied
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = load_file(BASE / "model.safetensors")
    name = "model.language_model.embed_tokens.weight"
    weights[name] = weights[name][:size].clone()
    if not tied:
        weights["lm_head.weight"] = 2 * weights[name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("tied", [pytest.param(True, marks=pytest.mark.slow), False])
def test_coordinate_tokens_are_added_with_rows_of_their_digits(tmp_path: Path, tied: bool) -> None:
    base = without_coords(tmp_path / "base", tied=tied)
    with pytest.raises(DataError, match="lacks 1000 token") as refused:
        load_processor(base)
    assert "coord_tokens: expand" in refused.value.hint
    expand(base, tmp_path / "a")
    expand(base, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    ids = torch.tensor(RenderKit.from_folder(tmp_path / "a").coord_ids)
    load_processor(tmp_path / "a")
    model, before = load_model(tmp_path / "a"), load_model(base)
    table = model.model.language_model.embed_tokens.weight
    assert table.shape[0] % MULTIPLE == 0
    assert (model.lm_head.weight is table) == tied
    assert torch.equal(table[: int(ids.min())], before.model.language_model.embed_tokens.weight)
    rows = table[ids]
    near, far = (rows[1:] - rows[:-1]).norm(dim=1), (rows[500:] - rows[:-500]).norm(dim=1)
    assert near.mean() < far.mean()
    assert (rows[123] - rows[321]).norm() > 0.1 * rows[123].norm()
    if not tied:
        assert torch.allclose(model.lm_head.weight[ids], 2 * rows, atol=1e-5)


def test_a_checkpoint_that_has_them_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has 1000 coordinate token"):
        expand(BASE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_adapters_learn_on_the_grown_checkpoint_which_the_run_hands_over(
    training_set: Path, tmp_path: Path
) -> None:
    base = without_coords(tmp_path / "base", tied=False)
    model = {"type": "checkpoint", "checkpoint": str(base), "coord_tokens": "expand"}
    tuning = {"type": "lora", "rank": 2, "coord_offset": True}
    settings = sft_settings(training_set, tuning=tuning, steps=1, optim={"optimizer": "adamw"})
    run(config_of({**settings, "model": model}), context(tmp_path / "run"))
    artifacts = tmp_path / "run" / "artifacts"
    weights = load_file(artifacts / "adapter" / "adapter_model.safetensors")
    offsets = {name: tensor for name, tensor in weights.items() if "trainable_tokens" in name}
    assert [tensor.shape[0] for tensor in offsets.values()] == [1000, 1000]
    grown = load_model(artifacts / "base").lm_head.weight
    ids = list(RenderKit.from_folder(artifacts / "base").coord_ids)
    learned = next(tensor for name, tensor in offsets.items() if "lm_head" in name)
    assert not torch.equal(learned, grown[ids])


@pytest.mark.slow
def test_offsets_have_the_gradient_of_the_rows_that_they_stand_for(
    training_set: Path, tmp_path: Path
) -> None:
    rows = {}
    for name, tuning in (
        ("whole", {"type": "lora", "rank": 1, "modules_to_save": ["embed_tokens"]}),
        ("offset", {"type": "lora", "rank": 1, "coord_offset": True}),
    ):
        optim = {"optimizer": "adamw", "lr": 1e-2, "clip": None, "warmup_steps": 0}
        settings = sft_settings(training_set, BASE, tuning=tuning, steps=1, optim=optim)
        run(config_of(settings), context(tmp_path / name))
        folder = tmp_path / name / "artifacts" / "adapter"
        weights = load_file(folder / "adapter_model.safetensors")
        rows[name] = next(t for n, t in sorted(weights.items()) if "embed_tokens" in n)
    ids = list(RenderKit.from_folder(BASE).coord_ids)
    before = load_model(BASE).lm_head.weight[ids]
    assert (rows["offset"] - before).abs().max() > 5e-3
    assert torch.allclose(rows["whole"][ids], rows["offset"], atol=1e-6)
