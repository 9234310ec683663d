"""Conversations that teach verdicts: what the teacher knows, and what it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlcore.chat.messages import read_conversations
from mlcore.contract.conversations import conversations_entry, require_unchanged
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.errors import DataError
from mlcore.stage_b.guidance.model import read_missions
from mlcore.stage_b.verdict.contract import Spoken, parse_two_lines
from mlcore.synth.config import SynthConfig
from mlcore.synth.job import run
from tests.support.datasets import run_context

RECIPES = Path(__file__).resolve().parents[3] / "mlcore" / "recipes"
TEACHING = {"count": 60, "mission": "挡风板安装检查", "checklist": "挡风板方向正确"}


def make(folder: Path, **changes: Any) -> Dataset:
    """A small set with conversations."""
    settings = {"kind": "synth", "train": 16, "val": 2, "desk": 6, "seed": 3, **changes}
    settings = {"teaching": TEACHING, **settings}
    context = run_context(folder)
    run(SynthConfig.model_validate(settings), context)
    return open_dataset(context.folder.artifacts / "dataset")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("teaching") / "run")


def test_every_answer_is_the_two_lines(made: Dataset) -> None:
    path, count = conversations_entry(made, "verdicts")
    talks = list(read_conversations(path))
    assert len(talks) == count == 60
    parsed = [parse_two_lines(talk.turns[-1].text) for talk in talks]
    said = [one for one in parsed if isinstance(one, Spoken)]
    assert len(said) == count
    told = made.manifest["conversations"]["verdicts"]["verdicts"]
    assert told == {v: sum(one.verdict == v for one in said) for v in ("fail", "pass")}


def test_a_fault_that_neither_checklist_nor_rules_name_is_no_reason_to_fail(
    tmp_path: Path,
) -> None:
    made = make(tmp_path / "run", teaching={**TEACHING, "rules_share": 0.0})
    path, _ = conversations_entry(made, "verdicts")
    others = 0
    for talk in read_conversations(path):
        prompt, answer = talk.turns[0].text, parse_two_lines(talk.turns[-1].text)
        assert isinstance(answer, Spoken)
        assert (answer.verdict == "fail") == ("方向错误" in prompt)
        others += answer.verdict == "pass" and ("无保护" in prompt or "不符合" in prompt)
    assert others


def test_the_labels_of_the_desk_change_no_conversation(tmp_path: Path, made: Dataset) -> None:
    other = make(tmp_path / "run", tickets={"wrong_label_share": 0.5})
    rows = [conversations_entry(d, "verdicts")[0].read_text("utf-8") for d in (made, other)]
    assert rows[0] == rows[1]


def test_pictures_of_other_splits_are_not_taught(made: Dataset) -> None:
    said = "".join(
        talk.turns[0].text for talk in read_conversations(conversations_entry(made, "verdicts")[0])
    )
    lines = [line.partition(": ")[2] for line in said.split("\n") if line.startswith("Image")]
    assert set(lines) <= {record.summary for record in made.split("train")}
    assert set(made.manifest["splits"]) == {"train", "val", "desk"}


def test_a_changed_file_and_an_unknown_name_are_refused(tmp_path: Path) -> None:
    made = make(tmp_path / "run")
    with pytest.raises(DataError, match="no conversations 'verdict'"):
        conversations_entry(made, "verdict")
    path, _ = conversations_entry(made, "verdicts")
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(DataError, match="is not the file"):
        require_unchanged(made, "verdicts")


def test_the_demo_is_taught_the_checklist_that_it_is_judged_by() -> None:
    recipe = RECIPES / "demo" / "synth.yaml"
    taught = YAML(typ="safe").load(recipe.read_text("utf-8"))["teaching"]
    missions = read_missions(RECIPES / "builtin" / "demo-guidance.json")
    assert missions[taught["mission"]].checklist == taught["checklist"]
    judged = YAML(typ="safe").load((RECIPES / "demo" / "stage-b.yaml").read_text("utf-8"))
    assert judged["mission"] == taught["mission"]
    assert json.dumps(judged["guidance"]) == '"builtin:demo-guidance.json"'
