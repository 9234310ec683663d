"""Older records and configs sent as text: what they become, and what is refused."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.catalog import migrating
from console.catalog.api_migrate import NEW_LINE, OLD_CONFIG, OLD_LINE
from console.catalog.configs import check_text

pytestmark = pytest.mark.django_db
RECORDS, CONFIG = "/api/v1/tools/migrate/records/", "/api/v1/tools/migrate/config/"
BAD = '{"images": ["a.jpg"], "width": 8, "height": 8, "objects": [{"desc": "x"}]}\n'


def ask(client: Any, url: str, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


def test_older_lines_become_records_with_the_fate_of_each(api: Any, viewer: Any) -> None:
    text = OLD_LINE + BAD + "{not json\n"
    body = {"text": text, "filename": "old.jsonl", "coord_space": "pixel"}
    answer = ask(api(viewer), RECORDS, **body, max_reject_share=1)
    assert answer.status_code == 200
    found = answer.json()
    assert found["text"] == NEW_LINE
    assert (found["lines"], found["kept"], found["rejected"]) == (3, 1, 2)
    assert [row["status"] for row in found["fates"]] == ["kept", "rejected", "rejected"]
    assert found["fates"][0]["changes"] == {
        "bbox to bbox_2d": 1, "coord_space given": 1, "ids given": 1
    }
    assert found["fates"][2]["rules"] == ["line.json"]
    assert {row["line"] for row in found["problems"]} == {2, 3}
    again = ask(api(viewer), RECORDS, text=found["text"]).json()
    assert (again["text"], again["changes"]) == (NEW_LINE, {})


def test_lines_that_cannot_become_records_are_a_problem_that_names_them(
    api: Any, viewer: Any
) -> None:
    answer = ask(api(viewer), RECORDS, text=OLD_LINE + BAD, coord_space="pixel")
    assert answer.status_code == 422
    assert answer.json()["code"] == "data"
    assert "1 of 2 lines" in answer.json()["detail"]
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["line"], error["path"]) == ("/text", 2, "objects[0]")
    assert ask(api(viewer), RECORDS, text="").json()["errors"][0]["detail"] == "has no line"


def test_numbers_without_a_space_are_not_guessed(api: Any, viewer: Any) -> None:
    answer = ask(api(viewer), RECORDS, text=OLD_LINE)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["rule"] == "record.coord_space"


def test_no_file_of_the_console_is_looked_at(
    api: Any, viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base.yaml").write_text("training: {max_steps: 7}\n")
    (tmp_path / "p.txt").write_text("a secret of the console")
    monkeypatch.chdir(tmp_path)
    for name in ("base.yaml", str(tmp_path / "base.yaml"), "../base.yaml"):
        answer = ask(api(viewer), CONFIG, text=f"extends: {name}\n{OLD_CONFIG}")
        assert answer.status_code == 422
        error = answer.json()["errors"][0]
        assert (error["pointer"], error["line"]) == ("/text", 1)
        assert "was not sent along" in error["detail"]
    text = f"{OLD_CONFIG}prompts: {{user: {tmp_path / 'p.txt'}}}\n"
    answer = ask(api(viewer), CONFIG, text=text)
    assert "a secret" not in answer.content.decode()
    assert "messages.user" in [row["key"] for row in answer.json()["fill_in"]]
    line = json.dumps({**json.loads(OLD_LINE), "images": ["/etc/passwd"], "width": None})
    answer = ask(api(viewer), RECORDS, text=line, coord_space="pixel")
    assert {error["path"] for error in answer.json()["errors"]} >= {"images[0]", "width"}


def test_an_older_config_comes_back_with_the_fate_of_every_key(api: Any, viewer: Any) -> None:
    found = ask(api(viewer), CONFIG, text=OLD_CONFIG, filename="old.yaml").json()
    fates = {row["key"]: row for row in found["keys"]}
    assert fates["training.max_steps"]["to"] == ["steps"]
    assert fates["model.model"]["status"] == "carried"
    assert fates["training.rlhf_type"]["status"] in ("removed", "unsupported", "unknown")
    lines = found["text"].splitlines()
    assert all("FILL IN" in lines[row["line"] - 1] for row in found["fill_in"])
    assert found["loads"] is (not found["fill_in"])
    assert check_text(found["text"]).ok is found["loads"]


def test_files_that_a_config_names_come_along(api: Any, viewer: Any) -> None:
    text = "extends: parts/base.yaml\ncustom: {train_jsonl: d/train.jsonl}\n"
    files = {
        "parts/base.yaml": "extends: ../top.yaml\ntraining: {num_train_epochs: 2}\n",
        "top.yaml": "model: {model: /m/base}\ntraining: {effective_batch_size: 2}\n",
        "d/train.jsonl": "{}\n\n{}\n{}\n",
    }
    found = ask(api(viewer), CONFIG, text=text, files=files).json()
    assert "steps: 3" in found["text"]
    assert found["loads"] is True
    loaded = check_text(found["text"]).loaded
    assert loaded is not None
    assert loaded.resolved["model"]["checkpoint"] == "/m/base"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text": "kind: sft\n"}, "/text"),
        ({"text": "a: [1\n"}, "/text"),
        ({"text": "extends: b.yaml\nx: 1\n", "files": {"b.yaml": "a: [1\n"}}, "/files/b.yaml"),
        ({"text": ""}, "/text"),
        ({"text": "a: 1\n", "files": {"b.yaml": 3 * ["x"]}}, "/files/b.yaml"),
        ({"text": "a: 1\n", "files": {str(n): "" for n in range(41)}}, "/files"),
        ({"text": "a: 1\n" + "#" * 1_000_000}, "/text"),
    ],
)
def test_what_is_no_older_config_is_refused_at_its_place(
    body: dict[str, Any], pointer: str, api: Any, viewer: Any
) -> None:
    answer = ask(api(viewer), CONFIG, **body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_there_is_a_limit_to_the_lines_of_one_request(
    api: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "MOST_LINES", 2)
    answer = ask(api(viewer), RECORDS, text=OLD_LINE * 3, coord_space="pixel")
    assert answer.status_code == 422
    assert "send parts" in answer.json()["errors"][0]["detail"]


def test_only_those_who_signed_in_may_migrate(client: Any) -> None:
    for url in (RECORDS, CONFIG):
        assert ask(client, url, text=OLD_LINE).status_code in (401, 403)
