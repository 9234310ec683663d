"""The job from ticket folders to records, with a tiny model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from mlcore.chat import patient
from mlcore.chat.generate import generate_batch
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import ConfigError, DataError, InterruptedRunError
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter, read_events
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.stage_a.config import StageAConfig
from mlcore.stage_a.job import run
from mlcore.stage_a.ledger import FILES
from mlcore.stage_a.record import read_stage_a
from mlcore.stage_b.ingest import read_tickets
from tests.support.datasets import encoded
from tests.support.scenes import make_image, make_record
from tests.support.ticket_folders import PASSED, jpeg, put, ticket_folders
from tests.support.tickets import MISSION

IMAGES = 8


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ticket_folders(tmp_path_factory.mktemp("tickets"))


@pytest.fixture(scope="module")
def alone(
    root: Path, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """What is written when every image is asked about by itself."""
    ctx = context(tmp_path_factory.mktemp("alone"))
    run(config(root, tiny_checkpoint, batch_size=1, bucket=1), ctx)
    return written(ctx)


@pytest.fixture
def ctx(tmp_path: Path) -> RunContext:
    return context(tmp_path / "run")


def context(folder: Path, attempt: int = 1) -> RunContext:
    place = RunFolder(folder)
    events = EventWriter(place.events(attempt))
    return RunContext(place, events, StopSignal(), attempt=attempt, resuming=attempt > 1)


def config(root: Path, checkpoint: Path, **fields: Any) -> StageAConfig:
    values = {
        "kind": "stage_a",
        "mission": MISSION,
        "source": {"type": "folders", "root": str(root)},
        "system": {"type": "model", "model": str(checkpoint)},
        "messages": {},
        "max_new_tokens": 6,
        "batch_size": 3,
        "device": "cpu",
        **fields,
    }
    return StageAConfig.model_validate(values)


def output(ctx: RunContext) -> Path:
    return ctx.folder.artifacts / "summaries"


def written(ctx: RunContext) -> dict[str, bytes]:
    return {name: (output(ctx) / name).read_bytes() for name in FILES}


def events(ctx: RunContext, type_: str) -> list[dict[str, Any]]:
    return [e for e in read_events(ctx.folder.events(ctx.attempt)) if e["type"] == type_]


def rejects(ctx: RunContext) -> list[dict[str, Any]]:
    lines = (output(ctx) / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def pictures(ctx: RunContext) -> list[str]:
    found = (output(ctx) / "images").glob("*/*/*")
    return sorted(path.relative_to(output(ctx)).as_posix() for path in found)


@pytest.mark.parametrize("bucket", [2, 256])
def test_a_greedy_batch_says_what_each_image_alone_is_given(
    root: Path, tiny_checkpoint: Path, ctx: RunContext, alone: dict[str, bytes], bucket: int
) -> None:
    run(config(root, tiny_checkpoint, batch_size=4, bucket=bucket), ctx)
    assert written(ctx) == alone


def test_a_drawn_summary_depends_neither_on_its_batch_nor_on_its_label(
    root: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    drawn = {"sampling": {"temperature": 1.3, "top_p": 0.9}}
    one, other = context(tmp_path / "1"), context(tmp_path / "2")
    run(config(root, tiny_checkpoint, batch_size=1, **drawn), one)
    run(config(root, tiny_checkpoint, batch_size=5, **drawn), other)
    assert written(one) == written(other)
    first = [r.summaries[0] for r in read_stage_a(output(one)) if r.group_id.startswith("QC")]
    assert first[0] == first[1]


def test_records_are_tickets_of_stage_b_and_the_report_counts_them(
    root: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    report = run(config(root, tiny_checkpoint, samples=3), ctx)
    keys = [ticket.ticket_key for ticket in read_tickets([output(ctx)], MISSION)]
    number = "QC-TEMP-20241206-0015502"
    assert keys == ["a::fail", f"{number}::fail", "a::pass", f"{number}::pass"]
    headline = report["headline"]
    assert headline["images"]["value"] == IMAGES
    assert headline["rejected"] == {"value": 0, "unit": "tickets", "n": 4}
    assert headline["seconds_per_image"]["n"] == IMAGES
    assert headline["seconds_per_image"]["value"] > 0
    assert headline["irrelevant"]["n"] == IMAGES
    assert "fact_f1" not in headline
    meta = json.loads((output(ctx) / "meta.json").read_text(encoding="utf-8"))
    assert (meta["schema"], meta["tickets"], meta["labels"]) == (
        "stage_a/1", 4, {"pass": 2, "fail": 2}
    )  # fmt: skip
    assert events(ctx, "progress")[-1]["done"] == events(ctx, "progress")[-1]["total"] == IMAGES
    shown = events(ctx, "sample")
    assert [e["name"] for e in shown] == ["a::fail/1.PNG", "a::fail/2.png", "a::fail/10.png"]
    assert (ctx.folder.root / shown[0]["image"]["path"]).stat().st_size == shown[0]["image"]["size"]


def test_bad_pictures_reject_their_ticket_alone(
    root: Path, tiny_checkpoint: Path, ctx: RunContext, tmp_path: Path, alone: dict[str, bytes]
) -> None:
    mine = tmp_path / "tickets"
    shutil.copytree(root, mine)
    put(mine, PASSED, "broken", "1.jpg", "2.jpg")
    whole = (mine / MISSION / PASSED / "broken" / "2.jpg").read_bytes()
    (mine / MISSION / PASSED / "broken" / "2.jpg").write_bytes(whole[: len(whole) // 2])
    put(mine, PASSED, "text", "1.jpg")
    (mine / MISSION / PASSED / "text" / "1.jpg").write_text("no picture")
    report = run(config(mine, tiny_checkpoint, max_reject_share=0.4), ctx)
    assert written(ctx)["stage_a.jsonl"] == alone["stage_a.jsonl"]
    kept = pictures(ctx)
    assert len(kept) == IMAGES
    assert kept[0] == "images/fail/QC-TEMP-20241206-0015502/QC-TEMP-20241206-0015502_1.jpg"
    assert [(row["group_id"], row["image"]) for row in rejects(ctx)] == [
        ("broken", "2.jpg"), ("text", "1.jpg")
    ]  # fmt: skip
    assert "broken" in rejects(ctx)[0]["reason"]
    assert report["headline"]["rejected"]["value"] == 2
    with pytest.raises(DataError, match="1 of 6 tickets"):
        run(config(mine, tiny_checkpoint), context(tmp_path / "strict"))


def test_pictures_are_turned_upright_and_sized_as_an_import_does(
    tiny_checkpoint: Path, ctx: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "t", PASSED, "a")
    (folder / "1.jpg").write_bytes(jpeg(1, width=150, height=70, orientation=6))
    grids = []

    def seen(model: Any, processor: Any, prompts: Sequence[Any], *rest: Any, **named: Any) -> Any:
        grids.extend(prompt.image_grid_thw.tolist() for prompt in prompts)
        return generate_batch(model, processor, prompts, *rest, **named)

    monkeypatch.setattr(patient, "generate_batch", seen)
    run(config(tmp_path / "t", tiny_checkpoint), ctx)
    ((_, rows, columns),) = grids[0]
    assert rows > columns
    plain = {"type": "folders", "root": str(tmp_path / "t"), "resize": None}
    with pytest.raises(DataError, match="sides must be multiples"):
        run(config(tmp_path / "t", tiny_checkpoint, source=plain), context(tmp_path / "plain"))


def test_a_batch_that_fails_is_asked_image_by_image_and_one_that_is_too_large_is_rejected(
    root: Path, tiny_checkpoint: Path, ctx: RunContext, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, bytes],
) -> None:  # fmt: skip
    large: list[str] = []

    def short_of_memory(model: Any, processor: Any, prompts: Any, *rest: Any, **named: Any) -> Any:
        if len(prompts) > 1 or prompts[0].record_id in large:
            raise torch.OutOfMemoryError("no room")
        return generate_batch(model, processor, prompts, *rest, **named)

    monkeypatch.setattr(patient, "generate_batch", short_of_memory)
    run(config(root, tiny_checkpoint), ctx)
    assert written(ctx) == alone
    assert {e["code"] for e in events(ctx, "warning")} == {"batch_failed"}
    large.append("a/y.jpg")
    ctx = context(tmp_path / "large")
    run(config(root, tiny_checkpoint, max_reject_share=0.3), ctx)
    (row,) = rejects(ctx)
    assert (row["ticket_key"], row["image"]) == ("a::pass", "y.jpg")
    assert "out of memory on a single prompt" in row["reason"]


def test_a_bug_is_not_taken_for_a_bad_picture(
    root: Path, tiny_checkpoint: Path, ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **named: Any) -> Any:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(patient, "generate_batch", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        run(config(root, tiny_checkpoint), ctx)


def test_a_stopped_run_goes_on_where_it_was_and_ends_with_the_same_bytes(
    root: Path, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    alone: dict[str, bytes],
) -> None:  # fmt: skip
    first = context(tmp_path / "run")
    asked: list[str] = []

    def counted(model: Any, processor: Any, prompts: Any, *rest: Any, **named: Any) -> Any:
        asked.extend(prompt.record_id for prompt in prompts)
        if len(asked) >= 4:
            first.stop.request()
        return generate_batch(model, processor, prompts, *rest, **named)

    monkeypatch.setattr(patient, "generate_batch", counted)
    made = config(root, tiny_checkpoint, batch_size=1, bucket=1)
    with pytest.raises(InterruptedRunError, match="after 2 tickets"):
        run(made, first)
    assert len(asked) == 4
    again = context(tmp_path / "run", attempt=2)
    report = run(made, again)
    assert written(again) == alone
    assert len(pictures(again)) == IMAGES
    assert len(asked) == IMAGES
    assert report["headline"]["images"]["value"] == IMAGES
    assert report["headline"]["seconds_per_image"]["n"] == IMAGES - 4
    assert events(again, "progress")[0]["done"] == 5
    third = context(tmp_path / "run", attempt=3)
    run(config(root, tiny_checkpoint, max_new_tokens=5), third)
    assert [e["code"] for e in events(third, "warning")] == ["resume_discarded"]
    assert len(asked) == 2 * IMAGES


def test_a_dataset_is_summarised_by_ticket_and_compared_with_its_true_summaries(
    tiny_checkpoint: Path, ctx: RunContext, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    writer = DatasetWriter(folder, "scenes", ("train", "val"))
    for number in range(1, 5):
        record = make_record(number)
        writer.add_image(record.images[0], encoded(Image.fromarray(make_image(number)), "PNG"))
        writer.add("val", record)
    writer.finish()
    tickets = folder / "tickets.jsonl"
    rows = [
        {"ticket": "t1", "label": "pass", "images": ["scene-1", "scene-4"]},
        {"ticket": "t2", "label": "fail", "images": ["scene-2", "scene-3"]},
    ]
    for truth in ({"pass": "fail", "fail": "pass"}, {"pass": "pass", "fail": "fail"}):
        lines = [json.dumps({**row, "true_label": truth[row["label"]]}) for row in rows]
        tickets.write_text("\n".join(lines) + "\n", encoding="utf-8")
        made = config(folder, tiny_checkpoint, source={"type": "dataset", "dataset": str(folder)})
        report = run(made, ctx)
    assert [r.images for r in read_stage_a(output(ctx))] == [
        ("images/scene-1.png", "images/scene-4.png"), ("images/scene-2.png", "images/scene-3.png")
    ]  # fmt: skip
    assert all(b"true_label" not in text for text in written(ctx).values())
    facts = sum(len(make_record(n).summary.split("，")) for n in range(1, 5))
    assert report["figures"]["fact_f1"]["n"] == facts
    assert report["headline"]["fact_f1"]["unit"] == "share"
    assert "true summary: 螺丝×1" in events(ctx, "sample")[0]["note"]


def test_a_prefix_that_names_a_dataset_needs_one(
    root: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    messages = {"assistant_prefix": "<DATASET={dataset}>, <TASK={task}>"}
    with pytest.raises(ConfigError, match="no name"):
        run(config(root, tiny_checkpoint, messages=messages), ctx)


def test_limits_that_leave_nothing_are_refused(
    root: Path, tiny_checkpoint: Path, ctx: RunContext
) -> None:
    with pytest.raises(DataError, match="no ticket"):
        run(config(root, tiny_checkpoint, limits={"passed": 0, "failed": 0}), ctx)
