"""Checkpoints that are of another kind, corrupt or not whole are told apart before loading."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from mlcore.errors import DataError
from mlcore.models.load import load_model, load_processor
from mlcore.run.exits import ExitCode


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def refused(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        load_model(folder)
    assert caught.value.exit_code == ExitCode.DATA
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("other", ["qwen3", "llama", None])
def test_another_architecture_is_named_with_what_is_wanted(copy: Path, other: str | None) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["model_type"] = other
    (copy / "config.json").write_text(json.dumps(config))
    error = refused(copy)
    assert f"architecture {other}" in error.message
    with pytest.raises(DataError, match="architecture"):
        load_processor(copy)


@pytest.mark.parametrize("left", [0, 7, 2000, -5])
def test_a_half_written_weights_file_is_named(copy: Path, left: int) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:left])
    error = refused(copy)
    assert "model.safetensors" in error.message
    assert "half written" in error.message


def test_weights_that_lack_a_tensor_are_not_filled_with_noise(copy: Path) -> None:
    tensors = load_file(copy / "model.safetensors")
    gone = next(name for name in tensors if name.endswith("q_proj.weight"))
    save_file({n: t for n, t in tensors.items() if n != gone}, copy / "model.safetensors")
    assert gone in refused(copy).message


def test_a_config_that_is_no_json_is_named(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json"):
        load_model(copy)
