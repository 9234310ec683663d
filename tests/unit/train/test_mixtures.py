"""Training on several datasets: what is planned, told and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mlcore.contract.conversations import write_conversations
from mlcore.errors import DataError
from mlcore.fusion.config import FusionConfig, SourceConfig, TargetConfig
from mlcore.fusion.plan import epoch_plan
from mlcore.metrics import find
from mlcore.run.events import read_events
from mlcore.run.folder import write_json
from mlcore.train import job
from mlcore.train.telemetry import HEADS
from tests.support.training import (
    AUGMENTATION,
    config_of,
    context,
    fusion_settings,
    metrics,
    one_dataset,
    sft_config,
    write_training_set,
)

FLIP: dict[str, Any] = {"ops": [{"type": "hflip", "prob": 1.0}]}


def run(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    return job.run(config_of(settings), context(folder))


def events(folder: Path, type_: str) -> list[dict[str, Any]]:
    found = read_events(folder / "events" / "attempt-1.jsonl")
    return [event for event in found if event["type"] == type_]


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
    training_set: Path,
    other_set: Path,
    tiny_checkpoint: Path,
) -> tuple[Path, dict[str, Any]]:
    """A run of a mixture of two targets and its report."""
    folder = tmp_path_factory.mktemp("mixture") / "run"
    data = {
        "type": "fusion",
        "targets": [
            {"name": "a", "dataset": str(training_set), "summary_share": 0.5},
            {"name": "b", "dataset": str(other_set), "ratio": 1.6},
        ],
        "augmentation": AUGMENTATION,
    }
    looks = {"every_steps": 5, "images": 4, "samples": 2, "max_new_tokens": 8}
    telling = {"token_type_metrics": {"enabled": True, "include": ["B"]}}
    settings = fusion_settings(
        training_set,
        other_set,
        tiny_checkpoint,
        data=data,
        steps=5,
        evaluation=looks,
        telemetry={**telling, "exporters": ["tensorboard"]},
    )
    return folder, run(folder, settings)


def test_the_plan_is_shown_before_the_first_step(finished: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = finished
    plan = json.loads((folder / "artifacts" / "fusion-plan.json").read_text())
    config = FusionConfig.model_validate(
        {
            "type": "fusion",
            "targets": [
                {"name": "a", "dataset": "d", "summary_share": 0.5},
                {"name": "b", "dataset": "d", "ratio": 1.6},
            ],
        }
    )
    assert plan["digest"] == epoch_plan(config, {"a": 12, "b": 5}, 0, 3).digest
    assert [row["augmentation"] for row in plan["datasets"]] == ["with curriculum"] * 2
    assert events(folder, "artifact")[0]["path"] == "artifacts/fusion-plan.json"
    said = [event["message"] for event in events(folder, "status")]
    assert "an epoch is 20 samples: 12 of a (target), 8 of b (target)" in said
    warned = [event["message"] for event in events(folder, "warning")]
    assert warned == ["b: 8 asked, 5 records there: some come again"]


def test_each_dataset_has_its_loss_and_its_count(finished: tuple[Path, dict[str, Any]]) -> None:
    told = metrics(finished[0])
    totals = {name: sum(v.get(f"samples/{name}", 0) for v in told.values()) for name in "ab"}
    assert totals == {"a": 12, "b": 8}
    for values in told.values():
        parts = [values[f"loss/{n}"] for n in "ab" if f"loss/{n}" in values]
        assert min(parts) <= values["loss"] <= max(parts)
    assert any("loss_dense" in v and "loss_summary" in v for v in told.values())


def test_what_augmentation_did_is_told(finished: tuple[Path, dict[str, Any]]) -> None:
    told = metrics(finished[0])
    for values in told.values():
        assert 0 <= values["augment/applied"] + values["augment/bypassed"] <= 1
    assert sum(values["augment/applied"] for values in told.values()) > 0


def test_every_target_is_looked_at_as_it_is(finished: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = finished
    assert {"eval/parse_rate", "eval/parse_rate/a", "eval/parse_rate/b"} <= set(metrics(folder)[5])
    shown = events(folder, "sample")
    assert [sample["name"] for sample in shown] == ["scene-12", "scene-105"]


def test_every_figure_that_a_run_tells_is_declared(finished: tuple[Path, dict[str, Any]]) -> None:
    told = {name for event in events(finished[0], "metric") for name in event["values"]}
    assert {find(name).unit for name in told} >= {"nats/token", "share", "tokens/s", "s", "B"}
    assert {name.partition("/")[0] for name in told} <= {*HEADS, "train", "eval"}


def test_accuracy_is_told_of_datasets_and_by_type_of_those_that_are_chosen(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    events_ = [e["values"] for e in events(finished[0], "metric")]
    names = {name.partition("/")[2] for v in events_ for name in v if name.endswith("token_acc")}
    assert names == {
        "token_acc", "a_token_acc", "b_token_acc",
        "b_desc_token_acc", "b_coord_token_acc", "b_format_token_acc",
    }  # fmt: skip
    assert all(0 <= v[name] <= 1 for v in events_ for name in v if name.endswith("token_acc"))


def test_what_was_not_measured_is_absent(finished: tuple[Path, dict[str, Any]]) -> None:
    """One process on a CPU shares nothing, has no GPU memory and nothing to hold MFU against."""
    told = {name for event in events(finished[0], "metric") for name in event["values"]}
    measured = {f"time/{phase}_s" for phase in ("data", "forward", "backward", "optimizer", "step")}
    apart = {"time/evaluation_s", "time/checkpoint_s", "memory/peak_rss_bytes"}
    assert measured | apart <= told
    assert told.isdisjoint({"time/sync_s", "memory/cuda_peak_bytes", "train/mfu"})
    assert not [name for name in told if "kd" in name]


def test_phases_are_parts_of_their_step(finished: tuple[Path, dict[str, Any]]) -> None:
    for event in events(finished[0], "metric"):
        values = event["values"]
        if "time/step_s" in values:
            phases = ("data", "forward", "backward", "optimizer")
            assert sum(values[f"time/{name}_s"] for name in phases) <= values["time/step_s"]


def test_tensorboard_has_followed_the_run(finished: tuple[Path, dict[str, Any]]) -> None:
    written = EventAccumulator(str(finished[0] / "tensorboard")).Reload()
    losses = [(point.step, point.value) for point in written.Scalars("train/loss")]
    told = [(step, v["loss"]) for step, v in metrics(finished[0]).items()]
    assert losses == [pytest.approx(row, rel=1e-6) for row in told]


def test_the_report_names_every_dataset(finished: tuple[Path, dict[str, Any]]) -> None:
    _, report = finished
    rows = report["datasets"]
    assert [(row["name"], row["records"], row["samples"]) for row in rows] == [
        ("a", 12, 12), ("b", 5, 8),
    ]
    assert len({row["fingerprint"] for row in rows} | {report["data_fingerprint"]}) == 3
    assert report["epochs"] == 1.0


def test_one_dataset_under_two_names_is_read_once_and_learned_both_ways(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    data = {
        "type": "fusion",
        "targets": [{"name": "dense", "dataset": str(training_set)}],
        "sources": [
            {"name": "words", "dataset": str(training_set), "ratio": 0.5, "summary_share": 1.0}
        ],
    }
    settings = fusion_settings(
        training_set, training_set, tiny_checkpoint, data=data, steps=2
    )
    report = run(tmp_path / "run", settings)
    assert [row["name"] for row in report["datasets"]] == ["dense", "words"]
    names = {name for values in metrics(tmp_path / "run").values() for name in values}
    assert not any(name.startswith("augment/") for name in names)


def test_a_source_without_records_stops_the_run_before_the_model_is_loaded(
    tmp_path: Path, training_set: Path
) -> None:
    data = {
        "type": "fusion",
        "targets": [{"name": "a", "dataset": str(training_set)}],
        "sources": [{"name": "b", "dataset": str(training_set), "ratio": 1.0, "split": "test"}],
    }
    settings = fusion_settings(training_set, training_set, tmp_path / "none", data=data)
    with pytest.raises(DataError, match="no split 'test'"):
        run(tmp_path / "run", settings)


def test_records_that_are_too_long_are_left_out_counted_and_named(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    dataset = write_training_set(tmp_path / "dataset", train=12)
    limits: dict[str, Any] = {"global_max_length": 50, "over_length": {"max_share": 0.9}}
    config = sft_config(dataset, tiny_checkpoint, **limits)
    report = job.run(config, context(tmp_path / "run"))
    found = report["datasets"][0]["over_length"]
    assert found["records"] == 4
    assert found["reason"] == "over_length"
    assert report["datasets"][0]["records"] == report["train_records"] == 12 - found["records"]
    (warning,) = events(tmp_path / "run", "warning")
    assert warning["code"] == "over_length"
    assert all(drop["tokens"] > 50 for drop in found["dropped"])
    assert metrics(tmp_path / "run")[0]["data/over_length"] == found["records"]


def test_too_many_of_them_stop_the_run_before_the_model_is_loaded(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    limits: dict[str, Any] = {"global_max_length": 50, "over_length": {"max_share": 0.05}}
    with pytest.raises(DataError, match=r"noise: .* of 12 records are longer than 50 tokens"):
        job.run(sft_config(training_set, tiny_checkpoint, **limits), context(tmp_path / "run"))


def test_augmentation_of_a_single_dataset_needs_no_mixture(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    data = one_dataset(training_set, augmentation=FLIP)
    config = sft_config(training_set, tiny_checkpoint, data=data)
    report = job.run(config, context(tmp_path / "run"))
    assert report["augmented"] is True
    assert all(v["augment/applied"] == 1.0 for v in metrics(tmp_path / "run").values())


TALK = {
    "messages": [
        {"role": "user", "content": "通过？"},
        {"role": "assistant", "content": "Verdict: 通过"},
    ]
}


def with_conversations(folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A mixture of a dataset with a list of conversations that lies beside its records."""
    dataset = write_training_set(folder / "dataset", train=6)
    entry = write_conversations(dataset, "talk", rows)
    manifest = json.loads((dataset / "dataset.json").read_text())
    write_json(dataset / "dataset.json", {**manifest, "conversations": {"talk": entry}})
    source = {"name": "talk", "dataset": str(dataset), "conversations": "talk", "ratio": 1.0}
    targets = [{"name": "a", "dataset": str(dataset)}]
    return {"type": "fusion", "targets": targets, "sources": [source]}


def test_conversations_are_a_source(tmp_path: Path, tiny_checkpoint: Path) -> None:
    rows = [{"id": f"talk-{n}", **TALK} for n in range(3)]
    data = with_conversations(tmp_path, rows)
    settings = fusion_settings(tmp_path, tmp_path, tiny_checkpoint, data=data, steps=3)
    report = run(tmp_path / "run", settings)
    assert [(r["name"], r["split"], r["records"], r["samples"]) for r in report["datasets"]] == [
        ("a", "train", 6, 6), ("talk", "talk", 3, 6),
    ]  # fmt: skip
    told = metrics(tmp_path / "run")
    assert any("loss_chat" in v and "loss_dense" in v for v in told.values())
    plan = json.loads((tmp_path / "run" / "artifacts" / "fusion-plan.json").read_text())
    assert [row["task"] for row in plan["datasets"]] == ["dense", "chat"]


def test_a_conversation_without_an_answer_stops_the_run(tmp_path: Path) -> None:
    data = with_conversations(tmp_path, [{"id": "x", "messages": TALK["messages"][:1]}])
    settings = fusion_settings(tmp_path, tmp_path, tmp_path / "none", data=data)
    with pytest.raises(DataError, match="conversation x ends with the user"):
        run(tmp_path / "run", settings)


def test_what_belongs_to_records_is_refused_beside_conversations() -> None:
    member = {"name": "talk", "dataset": "d", "conversations": "talk"}
    with pytest.raises(ValueError, match="summary_share does nothing for conversations"):
        SourceConfig.model_validate({**member, "ratio": 1.0, "summary_share": 0.5})
    with pytest.raises(ValueError, match="give conversations as a source"):
        TargetConfig.model_validate(member)
