"""The `sft` job: what goes in, what it tells while it works, what comes out."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mlcore.contract.records import Record
from mlcore.errors import DataError, DivergedError
from mlcore.metrics.exporter import ExportError
from mlcore.models.load import load_model, load_processor
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.runner import RunOptions, execute
from mlcore.train import job
from mlcore.train.step import SftStep, StepOutput
from tests.support.training import context, metrics, sft_config, sft_settings, write_training_set


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, training_set: Path, tiny_checkpoint: Path
) -> Path:
    """The run folder of a whole run through the runner, with looks at held-out images."""
    folder = tmp_path_factory.mktemp("finished")
    looks = {"every_steps": 2, "images": 2, "samples": 1, "max_new_tokens": 8}
    settings = sft_settings(training_set, tiny_checkpoint, evaluation=looks)
    (folder / "sft.yaml").write_text(json.dumps(settings))
    assert execute(folder / "sft.yaml", RunOptions(folder / "run")) == ExitCode.OK
    return folder / "run"


def events_of(folder: Path, type_: str) -> list[dict[str, Any]]:
    events = read_events(folder / "events" / "attempt-1.jsonl")
    return [event for event in events if event["type"] == type_]


def test_the_output_is_an_ordinary_checkpoint_with_changed_weights(
    finished: Path, tiny_checkpoint: Path
) -> None:
    output = finished / "artifacts" / "model"
    before, after = load_model(tiny_checkpoint), load_model(output)
    assert load_processor(output).tokenizer.get_vocab() == (
        load_processor(tiny_checkpoint).tokenizer.get_vocab()
    )
    assert all(torch.isfinite(p).all() for p in after.parameters())
    assert not torch.equal(before.lm_head.weight, after.lm_head.weight)
    assert not [p for p in output.iterdir() if p.suffix in (".bin", ".pt", ".pkl")]


def test_every_step_tells_its_loss_rate_and_norm(finished: Path) -> None:
    told = metrics(finished)
    assert sorted(told) == [1, 2, 3, 4]
    for values in told.values():
        assert {"loss", "loss_text", "lr", "grad_norm"} <= set(values)
        assert ("loss_coord" in values) == ("loss_dense" in values) != ("loss_summary" in values)
    events = [event["values"] for event in events_of(finished, "metric")]
    steps = [values for values in events if "train/loss" in values]
    assert all(v["train/tokens_per_s"] > v["train/samples_per_s"] > 0 for v in steps)


def test_progress_ends_at_the_last_step(finished: Path) -> None:
    last = events_of(finished, "progress")[-1]
    assert (last["done"], last["total"], last["unit"]) == (4, 4, "steps")


def test_a_look_gives_figures_and_a_sample_with_its_image(finished: Path) -> None:
    assert "eval/parse_rate" in metrics(finished)[2]
    assert "eval/parse_rate" in metrics(finished)[4]
    samples = events_of(finished, "sample")
    assert [sample["step"] for sample in samples] == [2, 4]
    assert {"eval/summary_parse_rate", "eval/summary_exact"} <= set(metrics(finished)[4])
    assert {o["mark"] for o in samples[0]["truth"]} <= {"found", "missed"}
    assert samples[0]["truth"]
    assert (finished / samples[0]["image"]["path"]).is_file()


def test_the_report_names_what_was_learned_from(finished: Path, training_set: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    fingerprint = json.loads((training_set / "dataset.json").read_text())["fingerprint"]
    assert report["schema"] == "sft/1"
    assert report["data_fingerprint"] == fingerprint
    assert report["headline"]["parse_rate"]["n"] == 2
    assert report["headline"]["steps"]["value"] == 4


def test_a_look_does_not_disturb_the_training(
    finished: Path, tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    job.run(sft_config(training_set, tiny_checkpoint), context(tmp_path / "run"))
    name = Path("artifacts/model/model.safetensors")
    assert (tmp_path / "run" / name).read_bytes() == (finished / name).read_bytes()


def test_loss_falls_on_pictures_seen_again_and_again(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    config = sft_config(training_set, tiny_checkpoint, steps=30, coord_loss=None)
    job.run(config, context(tmp_path / "run"))
    dense = [v["loss_dense"] for v in metrics(tmp_path / "run").values() if "loss_dense" in v]
    assert dense[-1] < 0.6 * dense[0]


def test_a_model_from_nothing_is_built_once_and_trained(tmp_path: Path, training_set: Path) -> None:
    config = sft_config(training_set, steps=1)
    job.run(config, context(tmp_path / "run"))
    assert (tmp_path / "run" / "start" / "model.safetensors").is_file()
    assert load_processor(tmp_path / "run" / "artifacts" / "model")


def test_all_weights_can_go_to_adamw(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    config = sft_config(training_set, tiny_checkpoint, steps=1, optim={"optimizer": "adamw"})
    assert job.run(config, context(tmp_path / "run"))["headline"]["steps"]["value"] == 1


def test_a_place_for_figures_that_is_not_there_is_told_before_the_model_is_loaded(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, "mlcore.metrics.to_mlflow", raising=False)
    config = sft_config(training_set, tiny_checkpoint, telemetry={"exporters": ["mlflow"]})
    with pytest.raises(ExportError, match="not installed"):
        job.run(config, context(tmp_path / "run"))
    said = [event["message"] for event in events_of(tmp_path / "run", "status")]
    assert "loading the model" not in said


def test_records_over_the_length_limit_stop_the_run_and_the_longest_is_named(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    config = sft_config(training_set, tiny_checkpoint, global_max_length=16)
    with pytest.raises(DataError, match="12 of 12 records are longer than 16 tokens") as caught:
        job.run(config, context(tmp_path / "run"))
    assert caught.value.where.startswith("scene-")


def test_bad_data_stops_the_run_before_any_model_is_loaded(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    dataset = write_training_set(tmp_path / "dataset")
    next((dataset / "images").iterdir()).write_bytes(b"not an image")
    ctx = context(tmp_path / "run")
    with pytest.raises(DataError, match="rejected"):
        job.run(sft_config(dataset, tmp_path / "no-such-model"), ctx)
    assert (tmp_path / "run" / "artifacts" / "rejects.jsonl").read_text()


def test_records_without_a_summary_cannot_teach_summaries(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support import training

    make = training.make_record

    def without_summary(*args: Any, **options: Any) -> Record:
        return replace(make(*args, **options), summary=None)

    monkeypatch.setattr(training, "make_record", without_summary)
    dataset = write_training_set(tmp_path / "dataset")
    with pytest.raises(DataError, match="have no summary"):
        job.run(sft_config(dataset, tiny_checkpoint), context(tmp_path / "run"))
    dense = {"dataset": str(dataset), "summary_share": 0.0}
    job.run(sft_config(dataset, tiny_checkpoint, data=dense, steps=1), context(tmp_path / "dense"))


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_samples(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = SftStep.forward

    def spoiled(self: SftStep, *arguments: Any) -> StepOutput:
        out = forward(self, *arguments)
        out.samples["text"].mul_(float("nan"))
        return out

    monkeypatch.setattr(SftStep, "forward", spoiled)
    with pytest.raises(DivergedError, match="loss term text is nan") as caught:
        job.run(sft_config(training_set, tiny_checkpoint), context(tmp_path / "run"))
    assert len(caught.value.where.split(", ")) == 4
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.parametrize("of", ["loss", "gradient"])
def test_no_weight_moves_on_a_step_whose_loss_or_gradient_is_no_number(
    tmp_path: Path,
    training_set: Path,
    tiny_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    of: str,
) -> None:
    """The second step is spoiled: the weights are those that the first one saved."""
    forward, seen = SftStep.forward, []

    def spoiled(self: SftStep, *arguments: Any) -> StepOutput:
        out = forward(self, *arguments)
        seen.append(self.model)
        if len(seen) < 2:
            return out
        if of == "gradient":
            return out._replace(loss=out.loss * float("inf"))
        out.samples["text"].mul_(float("nan"))
        return out

    monkeypatch.setattr(SftStep, "forward", spoiled)
    config = sft_config(training_set, tiny_checkpoint, checkpoint={"every_steps": 1})
    with pytest.raises(DivergedError, match=r"is (nan|inf)"):
        job.run(config, context(tmp_path / "run"))
    saved = load_file(tmp_path / "run" / "checkpoints" / "step-1" / "model.safetensors")
    held = seen[-1].state_dict()
    assert saved
    for name, value in saved.items():
        assert torch.equal(held[name], value), name
