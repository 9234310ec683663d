"""Every job kind on one page. The CLI, API, launch form, routing and docs derive from it."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mlcore.config.base import JobConfig
from mlcore.run.context import RunContext


@dataclass(frozen=True)
class Kind:
    """One kind of job. `config` and `entry` are `module:name`, imported when needed.

    `device` is where it runs best: `cpu` never wants a GPU, `gpu` needs one, `any` uses one where
    the config asks for it. `outputs` maps the output's name to its type; `resumable` says whether
    a stopped run continues from a checkpoint or journal.
    """

    name: str
    title: str
    summary: str
    config: str
    entry: str
    device: Literal["cpu", "gpu", "any"]
    inputs: tuple[str, ...]
    outputs: dict[str, str]
    resumable: bool


_ALL = (
    Kind(
        "import",
        "Import",
        "Turn foreign annotations into a dataset with a report of rejects.",
        "mlcore.contract.import_config:ImportConfig",
        "mlcore.contract.import_job:run",
        device="cpu",
        inputs=(),
        outputs={"dataset": "dataset"},
        resumable=False,
    ),
    Kind(
        "data_export",
        "Export data",
        "Write a dataset in a foreign format and say what it cannot hold.",
        "mlcore.contract.export_config:DataExportConfig",
        "mlcore.contract.export_job:run",
        device="cpu",
        inputs=("dataset",),
        outputs={"files": "files"},
        resumable=False,
    ),
    Kind(
        "relabel",
        "Correct labels",
        "Make the next version of a dataset, with the ticket labels that people decided.",
        "mlcore.contract.relabel_config:RelabelConfig",
        "mlcore.contract.relabel_job:run",
        device="cpu",
        inputs=("dataset",),
        outputs={"dataset": "dataset"},
        resumable=False,
    ),
    Kind(
        "synth",
        "Synthesise",
        "Render the demo inspection set: cabinet scenes with known truth.",
        "mlcore.synth.config:SynthConfig",
        "mlcore.synth.job:run",
        device="cpu",
        inputs=(),
        outputs={"dataset": "dataset"},
        resumable=False,
    ),
    Kind(
        "sft",
        "Fine-tune",
        "Train a vision-language model on a dataset.",
        "mlcore.train.config:SftConfig",
        "mlcore.train.job:run",
        device="any",
        inputs=("dataset", "model", "adapter"),
        outputs={"model": "model", "adapter": "adapter", "base": "model"},
        resumable=True,
    ),
    Kind(
        "predict",
        "Predict",
        "Let a model answer for every image of a split.",
        "mlcore.predict.config:PredictConfig",
        "mlcore.predict.job:run",
        device="any",
        inputs=("dataset", "model", "adapter"),
        outputs={"predictions": "predictions"},
        resumable=False,
    ),
    Kind(
        "merge",
        "Merge",
        "Put an adapter into the weights of its checkpoint, proven equal.",
        "mlcore.tuning.config:MergeConfig",
        "mlcore.tuning.job:run",
        device="cpu",
        inputs=("model", "adapter"),
        outputs={"model": "model"},
        resumable=False,
    ),
    Kind(
        "stage_a",
        "Summaries",
        "Summarise every image of a mission's tickets, and nothing but what is seen.",
        "mlcore.stage_a.config:StageAConfig",
        "mlcore.stage_a.job:run",
        device="any",
        inputs=("dataset", "model", "adapter"),
        outputs={"summaries": "summaries"},
        resumable=True,
    ),
    Kind(
        "stage_b",
        "Verdicts",
        "Judge tickets from the summaries of their images, and say which need a person.",
        "mlcore.stage_b.config:StageBConfig",
        "mlcore.stage_b.job:run",
        device="any",
        inputs=("summaries", "model", "adapter", "guidance"),
        outputs={"verdicts": "verdicts", "guidance": "guidance"},
        resumable=True,
    ),
    Kind(
        "evaluate",
        "Evaluate",
        "Score predictions against the truth, side by side.",
        "mlcore.evaluate.config:EvaluateConfig",
        "mlcore.evaluate.job:run",
        device="cpu",
        inputs=("dataset", "predictions"),
        outputs={"evaluation": "evaluation"},
        resumable=False,
    ),
    Kind(
        "gate",
        "Gate",
        "Hold an evaluation, or verdicts, against a policy; anything unproven fails.",
        "mlcore.gates.config:GateConfig",
        "mlcore.gates.job:run",
        device="cpu",
        inputs=("evaluation", "verdicts"),
        outputs={"gate": "gate"},
        resumable=False,
    ),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
Entry = Callable[[JobConfig, RunContext], dict[str, Any]]


def config_model(name: str) -> type[JobConfig]:
    """The config model of a kind."""
    model: type[JobConfig] = _load(KINDS[name].config)
    return model


def entry_point(name: str) -> Entry:
    """The function that does the job; imports what the job needs, torch included."""
    entry: Entry = _load(KINDS[name].entry)
    return entry


def describe(name: str) -> dict[str, Any]:
    """One kind as JSON data with the JSON schema of its config."""
    schema = config_model(name).model_json_schema()
    return {**asdict(KINDS[name]), "schema": schema}


def near_kind(word: str) -> str:
    """The did-you-mean part of a sentence about an unknown kind."""
    close = difflib.get_close_matches(word, KINDS, n=1, cutoff=0.5)
    return f", did you mean '{close[0]}'?" if close else f"; one of {', '.join(KINDS)}"


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return vars(importlib.import_module(module))[name]
