"""Figures of a run in TensorBoard and MLflow, read back with their own libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mlcore import cli
from mlcore.metrics import exporter
from mlcore.metrics.exporter import End, ExportError, Follower, RunFacts, open_exporter
from mlcore.run.events import EventWriter, read_events
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder, write_json
from tests.support.training import sft_settings, write_training_set

ROOT = Path(__file__).resolve().parents[3]
READ_MLFLOW = """
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
(run,) = client.search_runs([client.get_experiment_by_name("gatehouse").experiment_id])
history = client.get_metric_history(run.info.run_id, "train/loss")
points = sorted((p.step, p.value, p.timestamp) for p in history)
print(json.dumps([points, run.data.params, run.info.status]))
"""


@pytest.fixture
def resumed(tmp_path: Path) -> RunFolder:
    """A run that was stopped after step 3, and resumed from step 2 with other figures."""
    folder = RunFolder(tmp_path / "run")
    write_json(folder.resolved_config, {"kind": "sft", "optim": {"lr": 0.5}, "sha256": "0"})
    for attempt, steps, loss in ((1, (1, 2, 3), 10.0), (2, (3, 4), 20.0)):
        events = EventWriter(folder.events(attempt))
        if attempt > 1:
            events.rewind(2)
        for step in steps:
            events.metric(step, {"train/loss": loss + step, "train/lr": 0.1})
        events.close()
    return folder


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    read = EventAccumulator(str(folder)).Reload()
    return [(point.step, point.value) for point in read.Scalars(name)]


def test_tensorboard_reads_the_figures_that_stand_at_the_end(
    resumed: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export-metrics", str(resumed.root), "--to", "tensorboard"]) == ExitCode.OK
    assert capsys.readouterr().out == "8 points of 2 metrics told to tensorboard\n"
    written = resumed.root / "tensorboard"
    assert scalars(written, "train/loss") == [(1, 11.0), (2, 12.0), (3, 23.0), (4, 24.0)]
    read = EventAccumulator(str(written)).Reload()
    last = list(read_events(resumed.events(2)))[-1]
    assert read.Scalars("train/lr")[-1].wall_time == exporter.seconds_of(last["time"])
    config = read.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| optim.lr | 0.5 |" in config


def test_tensorboard_hides_what_a_resume_repeats_while_it_follows(tmp_path: Path) -> None:
    facts = RunFacts("run", tmp_path, {}, {})
    for steps, rewind, loss in (((1, 2, 3), None, 10.0), ((3,), 2, 20.0)):
        events = EventWriter(tmp_path / f"events-{rewind}.jsonl")
        follower = Follower({"tensorboard": open_exporter("tensorboard", facts)}, events)
        if rewind is not None:
            events.rewind(rewind)
        for step in steps:
            events.metric(step, {"train/loss": loss + step})
        follower.close("finished")
    assert scalars(tmp_path / "tensorboard", "train/loss") == [(1, 11.0), (2, 12.0), (3, 23.0)]


class Full:
    """A place whose disk is full."""

    def metric(self, step: int, values: Mapping[str, float], seconds: float) -> None:
        raise ExportError("no space left")

    def rewind(self, step: int) -> None:
        raise ExportError("no space left")

    def close(self, end: End) -> None:
        raise ExportError("no space left")


def test_a_place_that_fails_is_told_of_once_and_the_run_goes_on(tmp_path: Path) -> None:
    events = EventWriter(tmp_path / "events.jsonl")
    follower = Follower({"mlflow": Full()}, events)
    for step in (1, 2, 3):
        events.metric(step, {"train/loss": 1.0})
    follower.close("finished")
    told = list(read_events(events.path))
    assert [event["type"] for event in told] == ["metric", "warning", "metric", "metric"]
    assert told[1]["code"] == "export_failed"
    assert told[1]["message"] == "mlflow: no space left"


def test_a_package_that_is_missing_is_named_with_the_line_that_installs_it(
    resumed: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, "mlcore.metrics.to_mlflow", raising=False)
    assert cli.main(["export-metrics", str(resumed.root), "--to", "mlflow"]) == ExitCode.INFRA
    said = capsys.readouterr().err
    assert "mlflow" in said and "pip install -r requirements-mlflow.txt" in said


def test_a_folder_without_a_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export-metrics", str(tmp_path), "--to", "tensorboard"]) == ExitCode.DATA
    assert "is no run folder" in capsys.readouterr().err
    RunFolder(tmp_path / "empty")
    arguments = ["export-metrics", str(tmp_path / "empty"), "--to", "tensorboard"]
    assert cli.main(arguments) == ExitCode.DATA


@pytest.fixture(scope="module")
def mlflow_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment with MLflow, which GATEHOUSE_MLFLOW_ENV may name."""
    named = os.environ.get("GATEHOUSE_MLFLOW_ENV")
    home = Path(named) if named else tmp_path_factory.mktemp("mlflow") / "env"
    python = str(home / "bin" / "python")
    if not named:
        venv.create(home, with_pip=True)
        wanted = ["-r", "requirements-mlflow.txt", "numpy==2.3.5", "pydantic==2.14.3"]
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], cwd=ROOT, check=True)
    return python


def told_to_mlflow(python: str, address: str) -> Any:
    """Points of the loss, the config and how the one run there stands."""
    read = subprocess.run([python, "-c", READ_MLFLOW, address], check=True, text=True,
                          capture_output=True)  # fmt: skip
    return json.loads(read.stdout)


@pytest.mark.slow
def test_mlflow_reads_the_figures_from_its_database(
    resumed: RunFolder, tmp_path: Path, mlflow_python: str
) -> None:
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    command = [mlflow_python, "-m", "mlcore", "export-metrics", str(resumed.root), "--to", "mlflow"]
    done = subprocess.run([*command, "--target", address], cwd=ROOT, check=True, text=True,
                          capture_output=True)  # fmt: skip
    assert done.stdout == "8 points of 2 metrics told to mlflow\n"
    points, params, status = told_to_mlflow(mlflow_python, address)
    assert [row[:2] for row in points] == [[1, 11.0], [2, 12.0], [3, 23.0], [4, 24.0]]
    first = next(read_events(resumed.events(1)))
    assert points[0][2] == int(exporter.seconds_of(first["time"]) * 1000)
    assert params["optim.lr"] == "0.5"
    assert status == "FINISHED"


STEPS = 60


@pytest.mark.slow
def test_mlflow_is_told_while_a_training_goes_and_a_resume_goes_on_in_the_same_run(
    tmp_path: Path, mlflow_python: str
) -> None:
    dataset = write_training_set(tmp_path / "dataset")
    more = {"steps": STEPS, "telemetry": {"exporters": ["mlflow"]}}
    config, folder = tmp_path / "run.yaml", RunFolder(tmp_path / "run")
    write_json(config, sft_settings(dataset, **more))  # JSON is YAML
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    # Everything but MLflow is this interpreter's.
    more_path = {"PYTHONPATH": sysconfig.get_path("purelib"), "MLFLOW_TRACKING_URI": address}
    command = [mlflow_python, "-m", "mlcore", "run", str(config), "--run-dir", str(folder.root)]
    first = subprocess.Popen(command, cwd=ROOT, env=os.environ | more_path)
    while not (folder.root / "mlflow-run.json").exists():
        assert first.poll() is None
        time.sleep(0.2)
    while not (told := told_to_mlflow(mlflow_python, address))[0]:
        assert first.poll() is None
    assert told[2] == "RUNNING"
    first.send_signal(signal.SIGTERM)
    assert first.wait() == ExitCode.INTERRUPTED
    stopped, _params, status = told_to_mlflow(mlflow_python, address)
    assert status == "KILLED" and 0 < len(stopped) < STEPS
    subprocess.run([*command, "--resume"], cwd=ROOT, env=os.environ | more_path, check=True)
    points, params, status = told_to_mlflow(mlflow_python, address)
    assert [step for step, _value, _at in points] == list(range(1, STEPS + 1))
    assert points[: len(stopped)] == stopped
    assert (params["steps"], status) == (str(STEPS), "FINISHED")
    written = [e for n in (1, 2) for e in read_events(folder.events(n)) if e["type"] == "metric"]
    losses = [e["values"]["train/loss"] for e in written if "train/loss" in e["values"]]
    assert [value for _step, value, _at in points] == losses
