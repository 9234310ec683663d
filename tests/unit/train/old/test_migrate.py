"""A whole older config: what is written, what is told, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.cli import main as mlcore
from mlcore.config.load import load_config
from mlcore.config.yaml_tree import read_yaml
from mlcore.contract.cli import main
from mlcore.errors import ConfigError, DataError
from mlcore.run.exits import ExitCode
from mlcore.train.old.migrate import ConfigMigration, migrate_config

SMALL = """\
model: {model: /m/base}
training: {max_steps: 100, effective_batch_size: 4, learning_rate: 1.0e-4}
custom: {train_jsonl: d/train.jsonl, val_jsonl: d/val.jsonl}
"""


def written(folder: Path, text: str, name: str = "old.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def made(folder: Path, text: str) -> tuple[ConfigMigration, dict[str, Any]]:
    done = migrate_config(written(folder, text), folder / "new.yaml")
    data = read_yaml((folder / "new.yaml").read_text(encoding="utf-8"), "new.yaml").data
    return done, data


def test_a_config_whose_inputs_are_all_there_is_accepted_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = written(tmp_path, SMALL), tmp_path / "new.yml"
    assert main(["migrate", str(source), str(out)]) == ExitCode.OK
    assert "mlcore check accepts it" in capsys.readouterr().out
    assert mlcore(["check", str(out)]) == ExitCode.OK
    assert load_config(out).resolved["steps"] == 100


def test_what_is_missing_is_named_with_its_line_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = written(tmp_path, "training: {learning_rate: 1.0e-4}\n"), tmp_path / "new.yaml"
    assert main(["migrate", str(source), str(out), "--json"]) == ExitCode.DATA
    shown = json.loads(capsys.readouterr().out)
    assert shown["loads"] is False
    rows = out.read_text(encoding="utf-8").splitlines()
    assert {row["key"] for row in shown["fill_in"]} == {"model.checkpoint", "data.dataset", "steps"}
    assert all("FILL IN" in rows[row["line"] - 1] for row in shown["fill_in"])
    assert mlcore(["check", str(out)]) == ExitCode.CONFIG


def test_a_value_that_today_s_schema_refuses_is_for_a_person_to_fill_in(tmp_path: Path) -> None:
    done, _ = made(tmp_path, SMALL.replace("effective_batch_size: 4", "effective_batch_size: 0"))
    assert list(done.fill_in) == ["batch_size"]
    assert not done.loads


def test_splits_of_two_folders_are_no_dataset_and_both_files_say_so(tmp_path: Path) -> None:
    done, data = made(tmp_path, SMALL.replace("d/val.jsonl", "e/val.jsonl"))
    assert list(done.fill_in) == ["data.dataset"]
    assert data["data"] == {
        "dataset": None, "train_split": "train", "val_split": "val", "summary_share": 0.0
    }
    (train,) = [fate for fate in done.fates if fate.key == "custom.train_jsonl"]
    assert (train.to, "one folder" in train.note) == (("data.train_split",), True)


def test_epochs_become_steps_where_the_records_can_be_counted(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "train.jsonl").write_text("{}\n{}\n\n{}\n{}\n{}\n", encoding="utf-8")
    text = SMALL.replace("max_steps: 100", "num_train_epochs: 2.5, warmup_ratio: 0.5")
    done, data = made(tmp_path, text)
    assert (data["steps"], data["optim"]["warmup_ratio"]) == (4, 0.5)
    assert done.loads


def test_a_prompt_file_is_written_out(tmp_path: Path) -> None:
    written(tmp_path, "列出所有对象。\n", "ask.txt")
    _, data = made(tmp_path, SMALL + "prompts: {user: ask.txt}\n")
    assert data["messages"]["user"] == "列出所有对象。"


def test_the_whole_chain_of_files_is_composed_before_it_is_carried(tmp_path: Path) -> None:
    written(tmp_path, "training: {seed: 1, weight_decay: 0.1}\n", "base.yaml")
    text = SMALL.replace("{max_steps", "{seed: 2, max_steps")
    _, data = made(tmp_path, f"extends: base.yaml\n{text}")
    assert (data["seed"], data["optim"]["weight_decay"]) == (2, 0.1)


def test_comments_go_with_their_keys_and_the_first_stays_first(tmp_path: Path) -> None:
    text = "# Top.\n\n" + SMALL + "# why 7\nglobal_max_length: 700  # tokens\n"
    made(tmp_path, text)
    rows = (tmp_path / "new.yaml").read_text(encoding="utf-8").splitlines()
    assert rows[:2] == ["# Top.", "kind: sft"]
    at = rows.index("global_max_length: 700  # tokens")
    assert rows[at - 1] == "# why 7"


def test_every_leaf_of_the_old_file_is_told_once(tmp_path: Path) -> None:
    done, _ = made(tmp_path, SMALL + "extra: {a: {b: 1}, c: []}\ninherit: x.yaml\n")
    keys = [fate.key for fate in done.fates]
    assert keys == [
        "model.model", "training.max_steps", "training.effective_batch_size",
        "training.learning_rate", "custom.train_jsonl", "custom.val_jsonl", "extra.a.b",
        "extra.c", "inherit",
    ]


def test_augmentation_tells_what_of_it_has_no_counterpart(tmp_path: Path) -> None:
    ops = [
        {"name": "rotate", "params": {"max_deg": 5.0, "fill": 1}}, {"name": "warp"}, "hflip",
        {"name": "expand_to_fit_affine", "multiple": 64},
    ]
    old = json.loads(json.dumps({"custom": {"augmentation": {"ops": ops, "seed": 1}}}))
    done, data = made(tmp_path, json.dumps(old))
    assert data["data"]["augmentation"]["ops"] == [
        {"type": "rotate", "max_deg": 5.0}, {"type": "expand_to_fit", "multiple": 64},
    ]
    told = {fate.key: fate.status for fate in done.fates}
    here = "custom.augmentation"
    assert told == {
        here: "carried", f"{here}.ops.0.params.fill": "unsupported",
        f"{here}.ops.1.name": "unsupported", f"{here}.ops.2": "unsupported",
        f"{here}.seed": "unknown",
    }


@pytest.mark.parametrize(("percent", "expected"), [(0.1, 10.0), (1, 100), (1.5, 1.5), (60, 60)])
def test_shares_of_a_curriculum_become_percent(
    tmp_path: Path, percent: float, expected: float
) -> None:
    phase = {"until_percent": percent, "ops": {"expand_to_fit_affine": {"multiple": 64}}}
    augmentation = {"ops": [{"name": "expand_to_fit_affine"}], "curriculum": {"phases": [phase]}}
    _, data = made(tmp_path, json.dumps({"custom": {"augmentation": augmentation}}))
    (new,) = data["data"]["augmentation"]["curriculum"]["phases"]
    assert new == {"until_percent": expected, "ops": {"expand_to_fit": {"multiple": 64}}}


def test_a_source_is_never_written_over_and_no_part_is_left(tmp_path: Path) -> None:
    source = written(tmp_path, SMALL)
    with pytest.raises(ConfigError, match="exists"):
        migrate_config(source, source)
    with pytest.raises(DataError, match="cannot read"):
        migrate_config(tmp_path / "none.yaml", tmp_path / "new.yaml")
    assert [p.name for p in tmp_path.iterdir()] == ["old.yaml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: sft\nsteps: 3\n", "no config of the older form"),
        ("{}\n", "no config of the older form"),
        ("", "must be a mapping"),
        ("- a\n", "must be a mapping"),
    ],
)
def test_what_is_no_older_config_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        migrate_config(written(tmp_path, text), tmp_path / "new.yaml")


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: 1\na: 2\n", "extends: gone.yaml\n"])
def test_a_file_that_cannot_be_read_names_its_first_problem(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"old\.yaml:\d+"):
        migrate_config(written(tmp_path, text), tmp_path / "new.yaml")


@pytest.mark.parametrize(
    "options", [["--coord-space", "pixel"], ["--image-root", "."], ["--max-reject-share", "0"]]
)
def test_options_for_records_are_refused_for_a_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    arguments = ["migrate", str(written(tmp_path, SMALL)), str(tmp_path / "new.yaml")]
    assert main([*arguments, *options]) == ExitCode.CONFIG
    assert f"{options[0]} is for a JSONL file" in capsys.readouterr().err


def test_a_config_does_not_become_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["migrate", str(written(tmp_path, SMALL)), str(tmp_path / "new.jsonl")]
    assert main(arguments) == ExitCode.CONFIG
    assert "two kinds" in capsys.readouterr().err
