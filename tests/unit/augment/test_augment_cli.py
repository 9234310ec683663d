"""`python -m mlcore augment` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from mlcore.cli import main
from tests.support.datasets import write_dataset

GOOD = "ops:\n- {type: hflip, prob: 1.0}\n- {type: rotate, prob: 1.0}\n"


def preview(tmp_path: Path, *more: str, text: str = GOOD) -> int:
    write_dataset(tmp_path / "data")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    out = str(tmp_path / "look.png")
    return main(["augment", "preview", str(tmp_path / "data"), "--config",
                 str(tmp_path / "a.yaml"), "--out", out, *more])


def test_a_record_is_drawn_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preview(tmp_path, "--seed", "3", "--record", "r1") == 0
    assert "r1: 64 x 48 to 64 x 48, 1 objects to 1" in capsys.readouterr().out
    with Image.open(tmp_path / "look.png") as image:
        assert image.width > 2 * 640


def test_json_says_what_was_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(tmp_path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["applied"] == ["hflip", "rotate"] and told["kept"] == [0]


def test_a_bank_is_made_where_an_op_wants_one(tmp_path: Path) -> None:
    text = "ops:\n- {type: small_object_zoom_paste, prob: 1.0, source_mode: bank}\n"
    assert preview(tmp_path, text=text) == 0


@pytest.mark.parametrize(
    ("more", "text", "code", "message"),
    [
        (["--record", "r11"], GOOD, 3, "has no record 'r11'"),
        (["--split", "test"], GOOD, 3, "has no split 'test'"),
        ([], "ops:\n- {type: hflp}\n", 2, "did you mean 'hflip'?"),
        (["--out", "/nowhere/x.png"], GOOD, 72, "cannot write"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
    more: list[str], text: str, code: int, message: str,
) -> None:
    assert preview(tmp_path, *more, text=text) == code
    assert message in capsys.readouterr().err


def test_the_ops_are_listed_with_their_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["augment", "ops"]) == 0
    shown = capsys.readouterr().out
    assert "rotate: Turns about the middle" in shown and "max_deg" in shown
    assert main(["augment", "ops", "--json"]) == 0
    assert "roi_crop" in json.loads(capsys.readouterr().out)
