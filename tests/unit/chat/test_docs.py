"""docs/messages.md says what is true: its examples are run."""
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from mlcore.chat.prompts import PROFILE_MODES
from mlcore.cli import main
from mlcore.config.load import load_config
from mlcore.predict.config import PredictConfig
from tests.support.scenes import make_image
from tests.support.training import write_training_set

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_a_python_example_runs(number: int) -> None:
    names = {"BASE": ROOT / "mlcore" / "recipes" / "builtin" / "base"}
    exec(blocks("python")[number], names)


def test_there_are_examples() -> None:
    assert len(blocks("python")) == 4


def test_the_config_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "predict.yaml"
    path.write_text(blocks("yaml")[0], encoding="utf-8")
    config = load_config(path).model
    assert isinstance(config, PredictConfig)
    assert config.messages.prompt("summary").system.endswith("方向是否正确。")


def test_the_table_of_profiles_is_whole() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \|", PAGE, re.MULTILINE))
    assert rows == {name: ", ".join(modes) or "none" for name, modes in PROFILE_MODES.items()}


def test_the_hand_written_messages_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(make_image(1, 64, 64)).save(tmp_path / "photos" / "cabinet.png")
    payload = tmp_path / "talk.json"
    payload.write_text(blocks("json")[0], encoding="utf-8")
    command = ["messages", "show", "--payload", str(payload), "--root", str(tmp_path), "--json"]
    assert main(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["messages"][1]["content"][0] == {"type": "image", "image": "photos/cabinet.png"}


def test_a_record_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_training_set(tmp_path / "set", train=1, val=1)
    words = "messages show DATASET --split train --record ID --mode dense"
    assert f"python -m mlcore {words}" in PAGE
    filled = {"DATASET": str(folder), "ID": "scene-0"}
    assert main([filled.get(word, word) for word in words.split()]) == 0
    assert "supervised" in capsys.readouterr().out
