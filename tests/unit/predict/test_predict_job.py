from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from mlcore.chat import patient
from mlcore.chat.generate import generate_batch
from mlcore.contract.reader import open_dataset
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import CancelledError, DataError, OutOfMemoryError
from mlcore.models.load import load_model
from mlcore.predict import job, systems
from mlcore.predict.config import PredictConfig
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter, read_events
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from tests.support.scenes import make_image, make_record


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    writer = DatasetWriter(folder, "scenes", ("train", "val"))
    for number in range(10):
        record = make_record(number)
        writer.add_image(record.images[0], png(number))
        writer.add("train" if number < 5 else "val", record)
    writer.finish()
    return folder


@pytest.fixture
def ctx(tmp_path: Path) -> RunContext:
    folder = RunFolder(tmp_path / "run")
    return RunContext(folder, EventWriter(folder.events(1)), StopSignal())


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(make_image(number)).save(buffer, "PNG")
    return buffer.getvalue()


def make_config(dataset: Path, system: dict[str, Any], **fields: Any) -> PredictConfig:
    values = {"kind": "predict", "dataset": str(dataset), "system": system, "batch_size": 2,
              "max_new_tokens": 6, "device": "cpu", **fields}
    return PredictConfig.model_validate(values)


def lines(ctx: RunContext, name: str = "predictions.jsonl") -> list[dict[str, Any]]:
    path = ctx.folder.artifacts / "predictions" / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def events(ctx: RunContext, type_: str) -> list[dict[str, Any]]:
    return [e for e in read_events(ctx.folder.events(1)) if e["type"] == type_]


def damaged(dataset: Path, target: Path, record: int) -> Path:
    shutil.copytree(dataset, target)
    image = open_dataset(target).split("val")[record].images[0]
    (target / image).write_bytes(b"not an image")
    return target


def test_a_model_answers_every_image_in_every_mode(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    config = make_config(dataset, {"type": "model", "model": str(tiny_checkpoint)})
    report = job.run(config, ctx)
    ids = [record.id for record in open_dataset(dataset).split("val")]
    found = lines(ctx)
    assert [(line["id"], line["mode"]) for line in found] == [
        (id_, mode) for mode in ("dense", "summary") for id_ in ids
    ]
    assert set(found[0]) == {
        "id", "image", "width", "height", "mode", "draw", "text", "finished", "new_tokens",
        "token_ids", "logprob", "objects",
    }
    meta = json.loads((ctx.folder.artifacts / "predictions/meta.json").read_text())
    assert meta["schema"] == "predictions/1"
    assert (meta["system"], meta["split"], meta["n"]) == ("model", "val", 10)
    assert meta["dataset_fingerprint"] == open_dataset(dataset).fingerprint
    assert len(meta["model_digest"]) == 64
    assert report["schema"] == "predict/1"
    assert report["headline"]["images"] == {"value": 5, "unit": "images", "n": None}
    assert report["headline"]["seconds_per_image"]["n"] == 5


@pytest.mark.parametrize("temperature", [0.0, 1.3])
def test_answers_do_not_depend_on_the_batch_size(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, temperature: float
) -> None:
    system = {"type": "model", "model": str(tiny_checkpoint)}
    drawn = {"temperature": temperature, "top_p": 0.9, "repetition_penalty": 1.1}
    job.run(make_config(dataset, system, batch_size=1, sampling=drawn), ctx)
    single = lines(ctx)
    job.run(make_config(dataset, system, batch_size=4, sampling=drawn), ctx)
    assert same(lines(ctx), single)


def same(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> bool:
    """The same answers, token for token; what they weigh differs by rounding alone."""
    for one, other in zip(found, wanted, strict=True):
        if one["logprob"] != pytest.approx(other["logprob"], abs=1e-4):
            return False
    return [x | {"logprob": 0} for x in found] == [x | {"logprob": 0} for x in wanted]


def test_several_answers_to_an_image_differ_and_the_first_is_that_of_a_single_one(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    system = {"type": "model", "model": str(tiny_checkpoint)}
    drawn: dict[str, Any] = {"sampling": {"temperature": 1.3}, "modes": ["dense"], "limit": 2}
    job.run(make_config(dataset, system, **drawn), ctx)
    single = lines(ctx)
    job.run(make_config(dataset, system, samples_per_image=3, **drawn), ctx)
    found = lines(ctx)
    assert [(x["id"], x["draw"]) for x in found] == [
        (id_, draw) for draw in range(3) for id_ in ("scene-5", "scene-6")
    ]
    assert same(found[:2], single)
    assert len({x["text"] for x in found if x["id"] == "scene-5"}) == 3


def test_several_answers_need_a_system_that_can_differ(dataset: Path) -> None:
    with pytest.raises(ValidationError, match="temperature above 0"):
        make_config(dataset, {"type": "model", "model": "m"}, samples_per_image=2)
    with pytest.raises(ValidationError, match="one answer only"):
        make_config(
            dataset, {"type": "constant"}, samples_per_image=2, sampling={"temperature": 1.0}
        )


def test_progress_reaches_its_total(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    job.run(make_config(dataset, {"type": "model", "model": str(tiny_checkpoint)}), ctx)
    steps = [(e["done"], e["total"]) for e in events(ctx, "progress")]
    assert steps == [(2, 10), (4, 10), (5, 10), (7, 10), (9, 10), (10, 10)]


def test_samples_show_truth_raw_text_and_why_it_cannot_be_read(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    system = {"type": "model", "model": str(tiny_checkpoint)}
    job.run(make_config(dataset, system, samples=2), ctx)
    shown = events(ctx, "sample")
    assert [e["name"] for e in shown] == ["scene-5", "scene-6"]
    assert shown[0]["prediction"] == []
    assert "unreadable at character" in shown[0]["note"]
    assert "cut at the token limit" in shown[0]["note"]
    assert shown[0]["raw"] == lines(ctx)[0]["text"]
    image = shown[0]["image"]
    assert (ctx.folder.root / image["path"]).stat().st_size == image["size"]
    truth = open_dataset(dataset).split("val")[0].objects
    assert [t["desc"] for t in shown[0]["truth"]] == [o.desc for o in truth]


def test_a_constant_answer_is_readable_and_the_same_for_every_image(
    dataset: Path, ctx: RunContext
) -> None:
    job.run(make_config(dataset, {"type": "constant"}), ctx)
    texts = {mode: {x["text"] for x in lines(ctx) if x["mode"] == mode}
             for mode in ("dense", "summary")}
    assert all(len(found) == 1 for found in texts.values())
    assert {line["new_tokens"] for line in lines(ctx)} == {0}
    shown = events(ctx, "sample")[0]
    assert shown["prediction"]
    assert shown["note"] == ""
    meta = json.loads((ctx.folder.artifacts / "predictions/meta.json").read_text())
    assert (meta["system"], meta["model_digest"]) == ("constant", None)


def test_an_untrained_model_has_other_weights_fixed_by_the_seed(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    trained = load_model(tiny_checkpoint)
    one, same, other = (
        systems.load_untrained(tiny_checkpoint, seed).state_dict() for seed in (1, 1, 2)
    )
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])
    assert not torch.equal(one[name], trained.state_dict()[name])
    job.run(make_config(dataset, {"type": "untrained", "model": str(tiny_checkpoint)}), ctx)
    assert len(lines(ctx)) == 10


def test_a_limit_takes_the_first_images(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    system = {"type": "model", "model": str(tiny_checkpoint)}
    job.run(make_config(dataset, system, limit=2, modes=["summary"]), ctx)
    assert [line["id"] for line in lines(ctx)] == ["scene-5", "scene-6"]


def test_a_batch_that_fails_is_answered_image_by_image(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(dataset, {"type": "model", "model": str(tiny_checkpoint)})
    job.run(config, ctx)
    whole = lines(ctx)

    def short_of_memory(model, processor, prompts, *rest, **named):
        if len(prompts) > 1:
            raise torch.OutOfMemoryError("no room")
        return generate_batch(model, processor, prompts, *rest, **named)

    monkeypatch.setattr(patient, "generate_batch", short_of_memory)
    job.run(config, ctx)
    assert same(lines(ctx), whole)
    assert {e["code"] for e in events(ctx, "warning")} == {"batch_failed"}


def test_memory_that_does_not_suffice_for_one_image_ends_the_run_as_such(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_, **named):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(patient, "generate_batch", no_memory)
    with pytest.raises(OutOfMemoryError) as caught:
        job.run(make_config(dataset, {"type": "model", "model": str(tiny_checkpoint)}), ctx)
    assert caught.value.where == "scene-5"


def test_a_bug_in_generation_is_not_taken_for_a_memory_problem(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_, **named):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(patient, "generate_batch", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        job.run(make_config(dataset, {"type": "model", "model": str(tiny_checkpoint)}), ctx)


def test_unreadable_images_are_counted_once_and_named(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, tmp_path: Path
) -> None:
    broken = damaged(dataset, tmp_path / "broken", record=1)
    system = {"type": "model", "model": str(tiny_checkpoint)}
    job.run(make_config(broken, system, max_reject_share=0.2), ctx)
    assert [row["id"] for row in lines(ctx, "rejects.jsonl")] == ["scene-6"]
    assert len(lines(ctx)) == 8
    assert [e["record"] for e in events(ctx, "warning")] == ["scene-6"]


def test_too_many_unreadable_images_stop_the_run(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, tmp_path: Path
) -> None:
    broken = damaged(dataset, tmp_path / "broken", record=0)
    system = {"type": "model", "model": str(tiny_checkpoint)}
    with pytest.raises(DataError, match="1 of 5 images") as caught:
        job.run(make_config(broken, system), ctx)
    assert caught.value.where.endswith("scene-5.png")


def test_a_stop_is_obeyed_between_batches(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after_one(*arguments, **named):
        ctx.stop.request()
        return generate_batch(*arguments, **named)

    monkeypatch.setattr(patient, "generate_batch", stop_after_one)
    with pytest.raises(CancelledError):
        job.run(make_config(dataset, {"type": "model", "model": str(tiny_checkpoint)}), ctx)
    assert len(lines(ctx)) == 2


def test_a_missing_or_empty_split_is_named(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext, tmp_path: Path
) -> None:
    system = {"type": "model", "model": str(tiny_checkpoint)}
    with pytest.raises(DataError, match="no split 'test'"):
        job.run(make_config(dataset, system, split="test"), ctx)
    empty = tmp_path / "empty"
    DatasetWriter(empty, "empty", ("train", "val")).finish()
    with pytest.raises(DataError, match="empty"):
        job.run(make_config(empty, system), ctx)


def test_a_constant_summary_needs_summaries(tmp_path: Path, ctx: RunContext) -> None:
    folder = tmp_path / "set"
    writer = DatasetWriter(folder, "scenes", ("train", "val"))
    record = replace(make_record(1), summary=None)
    writer.add_image(record.images[0], png(1))
    for split in ("train", "val"):
        writer.add(split, replace(record, id=split))
    writer.finish()
    with pytest.raises(DataError, match="summary"):
        job.run(make_config(folder, {"type": "constant"}), ctx)
    job.run(make_config(folder, {"type": "constant"}, modes=["dense"]), ctx)
    assert len(lines(ctx)) == 1


def test_an_image_above_the_cap_stops_the_run_before_the_model_is_loaded(
    dataset: Path, ctx: RunContext
) -> None:
    system = {"type": "model", "model": "/no/such/checkpoint"}
    with pytest.raises(DataError, match="max_pixels"):
        job.run(make_config(dataset, system, max_pixels=1024), ctx)


def test_the_config_is_strict() -> None:
    good = {"kind": "predict", "dataset": "d", "system": {"type": "constant"}}
    assert PredictConfig.model_validate(good).modes == ["dense", "summary"]
    for wrong in (
        {"modes": ["dense", "dense"]}, {"modes": []}, {"modes": ["verdict"]},
        {"system": {"type": "constant", "model": "m"}}, {"system": {"type": "model"}},
        {"batch_size": "8"}, {"surprise": 1},
    ):
        with pytest.raises(ValidationError):
            PredictConfig.model_validate(good | wrong)


def test_messages_say_what_is_asked_and_in_which_format_it_is_answered(
    dataset: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    messages = {"profile": "dense", "domain": "bbu", "summary_profile": "summary_train_min",
                "answer": {"grammar": "objectjson"}}
    system = {"type": "model", "model": str(tiny_checkpoint)}
    job.run(make_config(dataset, system, messages=messages), ctx)
    meta = json.loads((ctx.folder.artifacts / "predictions/meta.json").read_text())
    assert meta["answer"]["grammar"] == "objectjson"
    assert meta["generation"]["messages"]["domain"] == "bbu"


def test_a_constant_answer_is_written_in_the_format_that_is_asked_for(
    dataset: Path, ctx: RunContext
) -> None:
    messages = {"answer": {"grammar": "objectjson"}}
    job.run(make_config(dataset, {"type": "constant"}, messages=messages, modes=["dense"]), ctx)
    assert all(line["text"].startswith('{"object_1": ') for line in lines(ctx))


def test_a_task_that_the_profile_does_not_ask_for_is_an_invalid_config(dataset: Path) -> None:
    with pytest.raises(ValidationError, match="no words for the task summary"):
        make_config(dataset, {"type": "constant"}, messages={"profile": "dense", "domain": "rru"})
