"""The verdict: stored, told, and whether the run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlcore.cli import main
from mlcore.errors import DataError, PreflightError
from mlcore.preflight.engine import FILE, checked
from mlcore.preflight.result import Preflight, Result
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.folder import write_json
from tests.support.training import context, sft_config, sft_settings, write_training_set


def stored(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "artifacts" / FILE).read_text(encoding="utf-8"))
    return found


def told(folder: Path, type_: str) -> list[dict[str, Any]]:
    return [e for e in read_events(folder / "events/attempt-1.jsonl") if e["type"] == type_]


def test_the_verdict_is_stored_with_the_run_and_told_as_an_event(
    dataset: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    checked(sft_config(dataset, tiny_checkpoint), context(tmp_path))
    found = stored(tmp_path)
    assert found["verdict"] == "PASS"
    assert [check["id"] for check in found["checks"]][:2] == ["data", "checkpoint"]
    assert told(tmp_path, "preflight")[0]["result"] == found
    assert [event["name"] for event in told(tmp_path, "artifact")] == [FILE]


def test_a_warning_stops_the_run_and_says_how_to_accept_it(
    dataset: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    config = sft_config(dataset, tiny_checkpoint, batch_size=16)
    with pytest.raises(PreflightError, match="WARN splits") as caught:
        checked(config, context(tmp_path))
    assert caught.value.exit_code == ExitCode.PREFLIGHT
    assert "preflight: {accept: [splits]}" in caught.value.hint
    assert stored(tmp_path)["verdict"] == "WARN"


def test_a_warning_that_is_accepted_by_name_does_not_stop_the_run_and_stays_a_warning(
    dataset: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    config = sft_config(dataset, tiny_checkpoint, batch_size=16, preflight={"accept": ["splits"]})
    checked(config, context(tmp_path))
    row = next(check for check in stored(tmp_path)["checks"] if check["id"] == "splits")
    assert (row["verdict"], row["accepted"]) == ("WARN", True)
    assert [w["code"] for w in told(tmp_path, "warning")] == ["preflight_splits"]


def test_an_override_of_a_check_that_passed_is_told(
    dataset: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    config = sft_config(dataset, tiny_checkpoint, preflight={"accept": ["leakage"]})
    checked(config, context(tmp_path))
    assert stored(tmp_path)["unused_overrides"] == ["leakage"]
    assert "leakage" in told(tmp_path, "warning")[0]["message"]


def test_an_override_of_a_check_that_does_not_exist_is_refused(dataset: Path) -> None:
    with pytest.raises(ValidationError, match="accept"):
        sft_config(dataset, preflight={"accept": ["luck"]})


def test_a_block_cannot_be_accepted() -> None:
    found = Preflight([Result("memory", "BLOCK", "too much")], accept=["memory"])
    assert [r.id for r in found.stopping] == ["memory"]
    assert found.idle == ["memory"]


def test_the_worst_result_is_the_verdict_and_skipped_is_none() -> None:
    rows = [
        Result("disk", "PASS", ""),
        Result("memory", "SKIPPED", ""),
        Result("images", "WARN", ""),
    ]
    assert Preflight(rows).verdict == "WARN"
    assert Preflight(rows[:2]).verdict == "PASS"


def test_data_that_stops_the_run_is_the_block_of_its_check_and_keeps_its_exit_code(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    data = write_training_set(tmp_path / "data")
    next((data / "images").iterdir()).unlink()
    with pytest.raises(DataError) as caught:
        checked(sft_config(data, tiny_checkpoint), context(tmp_path / "run"))
    assert caught.value.exit_code == ExitCode.DATA
    (row,) = stored(tmp_path / "run")["checks"]
    assert (row["id"], row["verdict"]) == ("data", "BLOCK")


def test_the_command_prints_a_line_for_each_check_and_the_exit_code_of_the_run(
    dataset: Path, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sft.yaml"
    write_json(file, sft_settings(dataset, tiny_checkpoint, batch_size=16))
    assert main(["preflight", str(file)]) == ExitCode.PREFLIGHT
    shown = capsys.readouterr()
    assert "WARN     splits" in shown.out
    assert "PASS     leakage" in shown.out
    assert "accept: [splits]" in shown.err
    accepted = ["--set", "preflight.accept=[splits]", "--json"]
    assert main(["preflight", str(file), *accepted]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["schema"] == "preflight/1"


def test_the_command_refuses_other_kinds(tmp_path: Path) -> None:
    file = tmp_path / "synth.yaml"
    file.write_text("kind: synth\n", encoding="utf-8")
    assert main(["preflight", str(file)]) == ExitCode.CONFIG
