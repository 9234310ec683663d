"""A run again from its folder: the same figures to the last bit, and what differs is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcore.cli import main
from mlcore.errors import ConfigError
from mlcore.run.events import EventWriter
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder, write_json
from mlcore.run.rerun import FILE, figures, rerun
from mlcore.run.runner import RunOptions, execute
from tests.support.training import sft_settings, write_training_set


@pytest.fixture(scope="module")
def done(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a few steps, its config in two files, its dataset named relatively."""
    folder = tmp_path_factory.mktemp("first")
    write_training_set(folder / "data")
    write_json(folder / "parent.yaml", sft_settings(Path("data"), tiny_checkpoint, steps=9))
    (folder / "run.yaml").write_text("extends: parent.yaml\nsteps: 3\n", encoding="utf-8")
    options = RunOptions(run_dir=folder / "run", overrides=["micro_batch=2"])
    assert execute(folder / "run.yaml", options) == ExitCode.OK
    return folder / "run"


def manifest_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_the_manifest_names_every_source_input_package_and_machine(done: Path) -> None:
    found = manifest_of(done)
    assert [Path(row["path"]).name for row in found["sources"]] == ["parent.yaml", "run.yaml"]
    for row in found["sources"]:
        assert (done / row["file"]).read_bytes() == Path(row["path"]).read_bytes()
    assert {row["path"] for row in found["inputs"]} == {"model.checkpoint", "data.dataset"}
    assert all(len(row["digest"]) == 64 and Path(row["folder"]).is_dir() for row in found["inputs"])
    assert {"torch", "transformers", "safetensors"} <= found["versions"].keys()
    assert found["host"]["memory"] > 2**20
    assert found["code"].keys() == {"revision", "dirty"}


def test_only_known_variables_of_the_environment_are_written_down(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlcore.run.manifest import build_manifest

    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    made = build_manifest(
        kind="sft", config_sha256="", seed=0, attempt=1, sources=[], inputs=[], command=[]
    )
    assert made["environment"]["OMP_NUM_THREADS"] == "3"
    assert "secret" not in json.dumps(made)


def test_a_rerun_gives_every_figure_again_to_the_last_bit(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "again"
    assert main(["rerun", str(done), "--to", str(to)]) == ExitCode.OK
    said = capsys.readouterr().err
    assert "packages, code, machine and inputs are as they were" in said
    assert "the same: all" in said
    stored = json.loads((to / FILE).read_text(encoding="utf-8"))
    assert (stored["steps"], stored["deviations"], stored["changes"]) == (3, [], [])
    assert figures(done) == figures(to)
    assert any(name == "train/loss" for _, name in figures(to))
    assert json.loads((to / "config.resolved.json").read_text())["micro_batch"] == 2


def told_run(folder: Path, losses: list[float]) -> Path:
    """A run folder whose events tell these losses."""
    run = RunFolder(folder)
    events = EventWriter(run.events(1))
    for step, loss in enumerate(losses, start=1):
        events.metric(step, {"train/loss": loss, "time/step_s": 100.0 * loss})
    events.close()
    return run.root


def stub(losses: list[float]) -> Callable[[Path, RunOptions], ExitCode]:
    def run(config: Path, options: RunOptions) -> ExitCode:
        told_run(options.run_dir, losses)
        return ExitCode.OK

    return run


def stored_run(folder: Path, losses: list[float], **changes: Any) -> Path:
    run = told_run(folder, losses)
    now = manifest_now()
    write_json(run / "manifest.json", {**now, **changes})
    write_json(run / "config.resolved.json", {"kind": "sft", "sha256": ""})
    return run


def manifest_now() -> dict[str, Any]:
    from mlcore.run.manifest import build_manifest

    return build_manifest(
        kind="sft", config_sha256="", seed=0, attempt=1, sources=[], inputs=[], command=[]
    )


def test_a_figure_that_differs_is_named_with_its_step_and_the_clock_is_left_out(
    tmp_path: Path,
) -> None:
    run = stored_run(tmp_path / "a", [3.0, 2.0, 1.0])
    code, found = rerun(
        run, tmp_path / "b", {}, say=lambda _: None, run_config=stub([3.0, 2.5, 1.0])
    )
    assert code == ExitCode.GATE
    assert found is not None
    assert found["deviations"] == [{"step": 2, "metric": "train/loss", "then": 2.0, "now": 2.5}]
    assert (found["compared"], found["largest"]) == (3, 0.5)


def test_steps_that_are_missing_differ(tmp_path: Path) -> None:
    run = stored_run(tmp_path / "a", [3.0, 2.0])
    code, found = rerun(run, tmp_path / "b", {}, say=lambda _: None, run_config=stub([3.0]))
    assert code == ExitCode.GATE
    assert found is not None
    assert found["deviations"][0]["now"] is None


def test_other_packages_and_other_data_are_said_before_it_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "x").write_text("new")
    rows = [{"path": "data.dataset", "type": "dataset", "ref": "d", "digest": "0" * 64,
             "folder": str(data)}]  # fmt: skip
    versions = {**manifest_now()["versions"], "torch": "1.0"}
    run = stored_run(tmp_path / "a", [1.0], versions=versions, inputs=rows)
    said: list[str] = []

    def start(config: Path, options: RunOptions) -> ExitCode:
        assert len(said) == 2
        assert options.bindings == {"d": data}
        return stub([1.0])(config, options)

    code, _ = rerun(run, tmp_path / "b", {}, say=said.append, run_config=start)
    assert code == ExitCode.OK
    assert "versions.torch was 1.0" in said[0]
    assert "inputs.data.dataset" in said[1]


def test_an_input_that_is_gone_says_how_to_bind_it(tmp_path: Path) -> None:
    rows = [{"path": "data.dataset", "type": "dataset", "ref": "dataset:d@1", "digest": "",
             "folder": str(tmp_path / "gone")}]  # fmt: skip
    run = stored_run(tmp_path / "a", [1.0], inputs=rows)
    with pytest.raises(ConfigError, match="not at") as caught:
        rerun(run, tmp_path / "b", {}, say=lambda _: None)
    assert "--bind dataset:d@1=PATH" in caught.value.hint


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"manifest\.json"):
        rerun(tmp_path, tmp_path / "b", {}, say=lambda _: None)


def test_what_a_resume_superseded_is_not_compared(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    first, second = EventWriter(run.events(1)), EventWriter(run.events(2))
    first.metric(1, {"train/loss": 3.0})
    first.metric(2, {"train/loss": 9.0})
    second.rewind(1)
    second.metric(2, {"train/loss": 2.0})
    assert figures(tmp_path) == {(1, "train/loss"): 3.0, (2, "train/loss"): 2.0}
