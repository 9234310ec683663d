"""The `synth` job: datasets of scenes and tickets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlcore.contract.desc import is_negative
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.validate import require_valid
from mlcore.errors import CancelledError
from mlcore.run.events import read_events
from mlcore.run.hashing import file_sha256, tree_digest, tree_entries
from mlcore.synth.config import SynthConfig, Tickets
from mlcore.synth.job import encode_jpeg, run
from mlcore.synth.scene import make_scene
from mlcore.synth.tickets import make_tickets, verdict_of
from tests.support.datasets import run_context


def config(**changes: Any) -> SynthConfig:
    return SynthConfig.model_validate(
        {"kind": "synth", "train": 24, "val": 12, "seed": 3, **changes}
    )


def make(folder: Path, **changes: Any) -> Dataset:
    context = run_context(folder)
    run(config(**changes), context)
    return open_dataset(context.folder.artifacts / "dataset")


def tickets_of(dataset: Dataset) -> list[dict[str, Any]]:
    lines = (dataset.folder / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("demo") / "run", style="b")


def test_a_synthetic_dataset_is_valid_and_complete(demo: Dataset) -> None:
    result = require_valid(demo, 0)
    assert {split: len(records) for split, records in result.records.items()} == {
        "train": 24,
        "val": 12,
    }
    assert demo.manifest["object_order"] == "class_then_rows"
    assert demo.manifest["class_order"][0] == "BBU设备"
    assert all(r.summary for records in result.records.values() for r in records)


def test_the_same_config_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = make(tmp_path / "1", train=6, val=3), make(tmp_path / "2", train=6, val=3)
    assert tree_digest(tree_entries(first.folder)) == tree_digest(tree_entries(second.folder))


def test_another_seed_gives_another_fingerprint(tmp_path: Path, demo: Dataset) -> None:
    assert make(tmp_path / "1", style="b", seed=4).fingerprint != demo.fingerprint


def image_hashes(dataset: Dataset) -> dict[str, set[str]]:
    return {
        split: {file_sha256(dataset.folder / p) for r in dataset.split(split) for p in r.images}
        for split in dataset.splits
    }


def test_splits_and_styles_share_no_picture(tmp_path: Path, demo: Dataset) -> None:
    other = make(tmp_path / "a", style="a")
    sets = [*image_hashes(demo).values(), *image_hashes(other).values()]
    assert sum(len(s) for s in sets) == len(set().union(*sets)) == 72


def test_every_record_is_in_exactly_one_ticket_of_its_split(demo: Dataset) -> None:
    tickets = tickets_of(demo)
    by_image = {image: t["ticket"] for t in tickets for image in t["images"]}
    assert sum(len(t["images"]) for t in tickets) == len(by_image) == 36
    for split in demo.splits:
        for record in demo.split(split):
            assert record.metadata["ticket"] == by_image[record.id]
            assert f"-{split}-" in record.metadata["ticket"]


def test_the_true_label_follows_from_the_objects(demo: Dataset) -> None:
    records = {r.id: r for split in demo.splits for r in demo.split(split)}
    for ticket in tickets_of(demo):
        faulty = any(is_negative(o.desc) for i in ticket["images"] for o in records[i].objects)
        assert ticket["true_label"] == ("fail" if faulty else "pass")


def test_the_report_and_the_events_tell_what_was_made(tmp_path: Path) -> None:
    context = run_context(tmp_path / "run")
    report = run(config(train=30, val=5), context)
    assert report["schema"] == "synth/1"
    assert report["headline"]["images"]["value"] == 35
    events = list(read_events(context.events.path))
    assert [e["done"] for e in events if e["type"] == "progress"] == [20, 35]
    quality = json.loads((context.folder.artifacts / "dataset" / "report.json").read_text())
    assert quality["images"] == 35
    assert sum(row["images"] for row in quality["objects_per_image"]) == 35
    assert sum(row["objects"] for row in quality["object_area_share"]) == quality["objects"]


def test_a_stop_is_obeyed_between_scenes(tmp_path: Path) -> None:
    context = run_context(tmp_path / "run")
    context.stop.request()
    with pytest.raises(CancelledError):
        run(config(), context)


@pytest.mark.parametrize(
    "wrong",
    [
        {"style": "c"},
        {"train": 0},
        {"size": 256},
        {"tickets": {"min_images": 5, "max_images": 2}},
        {"tickets": {"wrong_label_share": 0.9}},
        {"colour": "red"},
        {"dataset_name": "../x"},
    ],
)
def test_a_wrong_config_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(**wrong)


def plain(number: int, *, faulty: bool) -> Record:
    desc = "类别=光纤,保护措施=无保护" if faulty else "类别=光纤,保护措施=有保护"
    line = SceneObject(desc, "line", (1, 1, 9, 9))
    return Record(f"r{number}", (f"images/{number}.jpg",), 64, 64, "pixel", (line,))


@settings(deadline=None)
@given(
    st.lists(st.booleans(), min_size=1, max_size=60),
    st.integers(1, 3),
    st.integers(0, 3),
    st.floats(0, 0.5),
    st.integers(0, 99),
)
def test_tickets_partition_the_images_with_the_asked_share_of_wrong_labels(
    faults: list[bool], least: int, more: int, wrong: float, seed: int
) -> None:
    records = [plain(i, faulty=f) for i, f in enumerate(faults)]
    limits = Tickets(min_images=least, max_images=least + more, wrong_label_share=wrong)
    tickets = make_tickets(records, limits, seed, "a", "train")
    assert tickets == make_tickets(records, limits, seed, "a", "train")
    images = [image for t in tickets for image in t.images]
    assert sorted(images) == sorted(r.id for r in records)
    assert sum(t.label != t.true_label for t in tickets) == round(wrong * len(tickets))
    assert all(1 <= len(t.images) <= least + more for t in tickets)
    by_id = {r.id: r for r in records}
    assert all(t.true_label == verdict_of([by_id[i] for i in t.images]) for t in tickets)


@pytest.mark.parametrize("style", ["a", "b"])
def test_a_demo_of_1300_images_stays_below_25_megabytes(style: str) -> None:
    sizes = [len(encode_jpeg(make_scene(1, style, "train", i)[0], 92)) for i in range(20)]
    assert sum(sizes) / len(sizes) * 1300 < 25e6
