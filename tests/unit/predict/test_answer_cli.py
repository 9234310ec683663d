"""`python -m mlcore answer`: one image on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from mlcore.cli import main
from mlcore.run.exits import ExitCode
from tests.support.scenes import make_image


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "a.png"
    Image.fromarray(make_image(1)).save(path)
    return path


def ask(picture: Path, model: Path | str, *options: str) -> int:
    return main(["answer", str(picture), "--model", str(model), "--max-new-tokens", "8", *options])


def test_a_streamed_answer_is_the_answer_and_what_is_known_goes_to_stderr(
    picture: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(picture, tiny_checkpoint) == ExitCode.OK
    plain = capsys.readouterr()
    assert ask(picture, tiny_checkpoint, "--stream") == ExitCode.OK
    streamed = capsys.readouterr()
    assert streamed.out == plain.out
    assert plain.out.strip()
    assert "8 tokens" in streamed.err
    assert "cut at the token limit" in streamed.err


def test_json_has_tokens_text_and_why_it_cannot_be_read(
    picture: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = ("--json", "--temperature", "1.5", "--seed", "4")
    assert ask(picture, tiny_checkpoint, *drawn) == ExitCode.OK
    first = json.loads(capsys.readouterr().out)
    assert ask(picture, tiny_checkpoint, *drawn) == ExitCode.OK
    second = json.loads(capsys.readouterr().out)
    assert first["token_ids"] == second["token_ids"]
    assert len(first["token_ids"]) == first["new_tokens"] == 8
    assert first["objects"] == []
    assert "unreadable" in first["fault"]


def test_what_is_asked_can_be_that_of_a_config(
    tmp_path: Path, picture: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "predict.yaml"
    config.write_text(
        "kind: predict\ndataset: d\nmodes: [dense]\nsystem: {type: model, model: m}\n"
        "messages: {profile: dense, domain: bbu}\n"
    )
    assert ask(picture, tiny_checkpoint, "--like", str(config)) == ExitCode.OK
    assert ask(picture, tiny_checkpoint, "--like", str(config), "--mode", "summary") == 2
    assert "no words for the task summary" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--temperature", "9"), ExitCode.CONFIG, "--temperature"),
        (("--top-p", "0"), ExitCode.CONFIG, "--top-p"),
        (("--max-new-tokens", "0"), ExitCode.CONFIG, "--max-new-tokens"),
        (("--seed", "-1"), ExitCode.CONFIG, "--seed"),
        (("--model", "/no/such/folder"), ExitCode.CONFIG, "does not exist"),
    ],
)
def test_bad_options_are_named(
    picture: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    assert ask(picture, "builtin:base", *options) == code
    assert words in capsys.readouterr().err


def test_a_file_that_is_no_image_and_one_that_is_not_there_are_bad_data(
    tmp_path: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "a.png"
    assert ask(text, tiny_checkpoint) == ExitCode.DATA
    assert "no such image" in capsys.readouterr().err
    text.write_text("words")
    assert ask(text, tiny_checkpoint) == ExitCode.DATA
    assert "cannot be read" in capsys.readouterr().err
