"""Figures in MLflow: a tracking server, a database file or a folder, as its address says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from mlcore.metrics.exporter import End, ExportError, RunFacts
from mlcore.run.folder import write_json

EXPERIMENT = "gatehouse"
STATE = "mlflow-run.json"
"""of a run folder: the MLflow run that a resume goes on with"""
ADDRESS = "MLFLOW_TRACKING_URI"
LONGEST = 500
"""characters of a value of the config; older servers take no more"""
AT_ONCE = 100
"""values of the config in one request; no server takes more"""
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_STATUS: dict[End, str] = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
FEW = "2"
"""tries of a request beyond the first: training waits for them"""


class MlflowExporter:
    """One MLflow run: the config as parameters, the figures as metrics."""

    def __init__(self, facts: RunFacts) -> None:
        os.environ.setdefault(RETRIES, FEW)
        self._address = facts.target or os.environ.get(ADDRESS, "")
        if not self._address:
            raise ExportError(
                "it is not said where MLflow is",
                hint=f"Set {ADDRESS}, or give --target sqlite:///FILE or http://HOST:PORT.",
            )
        try:
            self._client = MlflowClient(tracking_uri=self._address)
            self._run = _earlier(facts, self._address) or self._begin(facts)
        except MlflowException as error:
            raise self._failed(error) from error
        if facts.live:
            state = {"address": self._address, "run": self._run}
            write_json(facts.folder / STATE, state)

    def metric(self, step: int, values: Mapping[str, float], seconds: float) -> None:
        at = int(seconds * 1000)
        self._log(metrics=[Metric(name, value, at, step) for name, value in values.items()])

    def rewind(self, step: int) -> None:
        """MLflow cannot take points back; those of repeated steps are told again."""
        self._log(tags=[RunTag("gatehouse.resumed_after_step", str(step))])

    def close(self, end: End) -> None:
        try:
            self._client.set_terminated(self._run, _STATUS[end])
        except MlflowException as error:
            raise self._failed(error) from error

    def _begin(self, facts: RunFacts) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else self._client.create_experiment(EXPERIMENT)
        made = self._client.create_run(experiment, run_name=facts.name, tags=dict(facts.tags))
        run = str(made.info.run_id)
        params = [Param(key, value[:LONGEST]) for key, value in facts.params.items()]
        for start in range(0, len(params), AT_ONCE):
            self._client.log_batch(run, params=params[start : start + AT_ONCE])
        return run

    def _log(self, **batch: Any) -> None:
        try:
            self._client.log_batch(self._run, **batch)
        except MlflowException as error:
            raise self._failed(error) from error

    def _failed(self, error: MlflowException) -> ExportError:
        first = str(error).partition("\n")[0]
        return ExportError(f"MLflow refuses: {first}", where=self._address)


def open(facts: RunFacts) -> MlflowExporter:
    """Begin an MLflow run at `facts.target`, or at the address that MLFLOW_TRACKING_URI holds.

    A run that resumes goes on with the MLflow run that it had there.
    """
    return MlflowExporter(facts)


def _earlier(facts: RunFacts, address: str) -> str | None:
    path = facts.folder / STATE
    if not facts.resuming or not path.exists():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    return str(state["run"]) if state["address"] == address else None
