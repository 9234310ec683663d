"""An adapter answers as its merged checkpoint does, in runs and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mlcore.cli import main
from mlcore.models.load import load_model
from mlcore.run.folder import write_json
from mlcore.tuning.merge import merge
from mlcore.tuning.tuned import tune
from tests.support.training import write_training_set
from tests.support.tuning import BASE, EVERY, tuning_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an adapter, its merged checkpoint, a dataset and a config of predict."""
    folder = tmp_path_factory.mktemp("adapters")
    torch.manual_seed(3)
    tuned = tune(load_model(BASE), tuning_of(**EVERY["dora"]), [], steps=4, seed=0)
    for parameter in tuned.model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.01 * torch.randn_like(parameter)
    tuned.save_adapter(BASE, folder / "adapter")
    merge(BASE, folder / "adapter", folder / "merged")
    write_training_set(folder / "set")
    settings = {
        "kind": "predict",
        "dataset": "set",
        "system": {"type": "constant"},
        "modes": ["dense"],
        "max_new_tokens": 8,
        "samples": 0,
        "device": "cpu",
    }
    write_json(folder / "predict.yaml", settings)  # JSON is YAML
    return folder


def answers(run: Path) -> list[dict[str, Any]]:
    text = (run / "artifacts" / "predictions" / "predictions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def predicted(made: Path, run: Path, *system: str) -> list[dict[str, Any]]:
    assert main(["predict", str(made / "predict.yaml"), *system, "--run-dir", str(run)]) == 0
    return answers(run)


def test_adapter_and_merged_give_one_answer(made: Path, tmp_path: Path) -> None:
    ours = predicted(made, tmp_path / "a", "--adapter", str(made / "adapter"))
    theirs = predicted(made, tmp_path / "m", "--merged", str(made / "merged"))
    base = predicted(made, tmp_path / "b", "--merged", str(BASE))
    assert [a["token_ids"] for a in ours] == [a["token_ids"] for a in theirs]
    for a, b in zip(ours, theirs, strict=True):
        assert a["logprob"] == pytest.approx(b["logprob"], abs=1e-5 * len(a["token_ids"]))
    assert [a["logprob"] for a in ours] != [a["logprob"] for a in base]
    stored = json.loads((tmp_path / "a" / "config.resolved.json").read_text(encoding="utf-8"))
    assert stored["system"]["type"] == "adapter"
    assert stored["system"]["adapter"] == str((made / "adapter").resolve())


def test_bad_folders_end_with_the_reason(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["predict", str(made / "predict.yaml"), "--run-dir", str(tmp_path / "run")]
    assert main([*command, "--adapter", str(made / "merged")]) == 3
    assert "not an adapter folder" in capsys.readouterr().err
    assert main([*command, "--merged", str(made / "merged"), "--base", str(BASE)]) == 2
    assert "--base goes with --adapter" in capsys.readouterr().err
    wrong = ["--adapter", str(made / "adapter"), "--base", str(made / "merged")]
    assert main([*command, *wrong]) == 3
    assert "made for another checkpoint" in capsys.readouterr().err


def test_merge_on_the_command_line(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["merge", str(BASE), str(made / "adapter"), str(tmp_path / "out")]
    assert main([*command, "--dtype", "bfloat16"]) == 0
    assert "saved in bfloat16" in capsys.readouterr().out
    assert load_model(tmp_path / "out", None).dtype == torch.bfloat16
    assert main(command) == 2
    assert "Nothing is overwritten" in capsys.readouterr().err
    assert main(["merge", str(BASE), str(BASE), str(tmp_path / "no")]) == 3
    assert "not an adapter folder" in capsys.readouterr().err
