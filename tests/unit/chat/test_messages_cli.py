from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from mlcore.cli import main
from tests.support.scenes import make_image
from tests.support.training import write_training_set


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training_set(tmp_path_factory.mktemp("set") / "noise", train=4, val=2)


def show(*arguments: object) -> int:
    return main(["messages", "show", *map(str, arguments)])


def test_a_record_is_shown_as_the_model_sees_it(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(dataset, "--record", "scene-2") == 0
    out = capsys.readouterr().out
    assert "image: images/scene-2.png" in out
    assert "<|vision_start|><|image_pad|>×4<|vision_end|>列出图中所有对象及其坐标。" in out
    assert "image 4, supervised" in out
    assert 'eos      "<|im_end|>"' in out


def test_the_report_is_one_json_object(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(dataset, "--split", "val", "--mode", "summary", "--json", "--domain", "bbu",
                "--assistant-prefix", "<{domain}>, <{task}>") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["id"] == "scene-4"
    assert report["messages"][-1]["content"][0]["text"].startswith("<BBU>, <SUMMARY>\n")
    assert report["tokens"] == sum(span["tokens"] for span in report["spans"])
    assert report["supervised_tokens"] == sum(
        span["tokens"] for span in report["spans"] if span["supervised"])
    names = [span["name"] for span in report["spans"] if span["supervised"]]
    assert names == ["format", "summary", "eos"]


def test_answers_may_be_asked_for_in_the_other_grammar(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(dataset, "--grammar", "objectjson", "--emit-norm", "none", "--field-order",
                "geometry_first", "--profile", "dense", "--domain", "rru", "--json") == 0
    text = json.loads(capsys.readouterr().out)["text"]
    assert '{"object_1": {"bbox_2d": [' in text
    assert "坐标是图像像素的整数" in text


def test_a_hand_written_conversation_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(make_image(1, 64, 32)).save(tmp_path / "x.png")
    payload = tmp_path / "talk.json"
    content = [{"type": "image_url", "image_url": {"url": "x.png"}}, {"type": "text", "text": "?"}]
    payload.write_text(json.dumps({"messages": [{"role": "user", "content": content}]}))
    assert show("--payload", payload, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["image_tokens"], report["supervised_tokens"]) == (2, 0)
    assert report["text"].endswith("?<|im_end|>\n<|im_start|>assistant\n")
    (tmp_path / "inner").mkdir()
    assert show("--payload", payload, "--root", tmp_path / "inner") == 3
    assert "missing" in capsys.readouterr().err


def test_nothing_is_fetched_without_being_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = tmp_path / "talk.json"
    part = {"type": "image", "image": "http://127.0.0.1:9/x.png"}
    payload.write_text(json.dumps([{"role": "user", "content": [part]}]))
    assert show("--payload", payload) == 3
    assert "--allow-http" in capsys.readouterr().err
    assert show("--payload", payload, "--allow-http") == 3
    assert "--allow-private-hosts" in capsys.readouterr().err
    assert show("--payload", payload, "--allow-http", "--allow-private-hosts") == 3
    assert "cannot fetch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--record", "scene-9"], 3, "no record 'scene-9'"),
        (["--split", "test"], 3, "no split"),
        (["--model", "builtin:nothing"], 3, "tokenizer.json"),
        (["--profile", "dense"], 2, "dense needs a domain"),
        (["--profile", "summary_train_min"], 2, "no prompt for the task dense"),
        (["--summary-profile", "poetry"], 2, "summary_profile: Input should be"),
        (["--payload", "x.json"], 2, "one of the two"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    dataset: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert show(dataset, *arguments) == code
    assert message in capsys.readouterr().err
