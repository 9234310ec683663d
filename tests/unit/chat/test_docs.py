"""docs/messages.md says what is true: its examples are run."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from mlcore.chat.answers import answer_pieces
from mlcore.chat.config import MessagesConfig
from mlcore.chat.prompts import PROFILE_MODES
from mlcore.cli import main
from mlcore.config.load import load_config
from mlcore.coordjson.builder import BUILDERS
from mlcore.coordjson.errors import AnswerError
from mlcore.coordjson.format import AnswerFormat, count_salvaged, read_answer
from mlcore.errors import ConfigError
from mlcore.predict.config import PredictConfig
from tests.support.pages import run_file
from tests.support.scenes import make_image, make_record
from tests.support.training import write_training_set

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


ADDED = next(block for block in blocks("python") if "@register" in block)
PLAIN = [block for block in blocks("python") if block != ADDED]


@pytest.mark.parametrize("number", range(len(PLAIN)))
def test_a_python_example_runs(number: int) -> None:
    names = {"BASE": ROOT / "mlcore" / "recipes" / "builtin" / "base"}
    exec(PLAIN[number], names)


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


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnswerFormat]:
    """The grammar of the page, added as a file of its own, for one test."""
    BUILDERS.names()
    monkeypatch.setattr(BUILDERS, "_things", dict(BUILDERS._things))
    run_file(tmp_path / "docs_lines.py", ADDED, monkeypatch)
    yield AnswerFormat.model_validate_json(json.dumps(yaml.safe_load(blocks("yaml")[1])["answer"]))


def test_an_added_grammar_is_written_and_read(lines: AnswerFormat) -> None:
    record = make_record(1)
    config = MessagesConfig(answer=lines, object_order="as_given", profile="dense", domain="bbu")
    pieces = answer_pieces(record, "dense", config)
    text = "".join(piece.text for piece in pieces)
    assert text.splitlines()[0].startswith(f"{record.objects[0].kind} ")
    assert [p.text for p in pieces if p.name == "desc"] == [o.desc for o in record.objects]
    read = read_answer(text, lines, record.width, record.height)
    assert [item.desc for item in read] == [o.desc for o in record.objects]
    assert "每个对象一行" in config.prompt("dense").system
    broken = f"nothing\n{text[:-1]}"
    size = (record.width, record.height)
    assert count_salvaged(broken, lines, *size) == len(record.objects) - 1
    with pytest.raises(AnswerError, match="a line is"):
        read_answer(text[:-1], lines, record.width, record.height)


def test_an_unknown_grammar_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "predict.yaml"
    wrong = blocks("yaml")[0].replace("grammar: objectjson", "grammar: objectjsn")
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (problem,) = caught.value.problems
    assert problem.path == "messages.answer.grammar"
    assert "did you mean 'objectjson'?" in problem.message
