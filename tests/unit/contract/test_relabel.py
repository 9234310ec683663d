"""What people decided becomes the labels of a dataset of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.relabel_config import RelabelConfig
from mlcore.contract.relabel_job import run
from mlcore.contract.validate import verify_dataset
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError
from mlcore.run.hashing import tree_digest, tree_entries
from mlcore.stage_a.config import DatasetSource
from mlcore.stage_a.datasets import find_in_dataset
from tests.support.datasets import (
    box_record,
    encoded,
    picture,
    run_context,
    write_dataset,
)

TICKETS = [
    {"ticket": "a", "label": "pass", "true_label": "fail", "images": ["r0"]},
    {"ticket": "b", "label": "fail", "true_label": "fail", "images": ["r1", "r2"]},
    {"ticket": "c", "label": "pass", "true_label": "pass", "images": ["r3"]},
    {"ticket": "twice", "label": "pass", "true_label": "pass", "images": ["r4"]},
    {"ticket": "twice", "label": "fail", "true_label": "pass", "images": ["r5"]},
]


def line(key: str, verdict: str, item: int = 1, **changes: Any) -> dict[str, Any]:
    """A line of a review snapshot."""
    return {
        "schema": "review_export/1",
        "ticket": {"id": item, "ticket_key": key},
        "human": {"verdict": verdict, "how": "adjudicated", "settled": f"2026-11-2{item}T08:00"},
        "reviews": [
            {"reviewer": "ann", "counts": True},
            {"reviewer": "bob", "counts": False},
        ],
        "provenance": {"run": "run1", "log": "f" * 64, "guidance": "guidance:甲@7"},
        **changes,
    }


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    found = write_dataset(tmp_path / "data")
    text = "".join(json.dumps(row) + "\n" for row in TICKETS)
    (found.folder / "tickets.jsonl").write_text(text, encoding="utf-8")
    return found


def relabelled(root: Path, *decided: dict[str, Any], **changes: Any) -> dict[str, Any]:
    (root / "snapshot.jsonl").write_text("".join(json.dumps(row) + "\n" for row in decided))
    values = {"kind": "relabel", "dataset": "data", "decisions": "snapshot.jsonl", **changes}
    return run(RelabelConfig.model_validate(values), run_context(root / "run"))


def made(root: Path) -> Path:
    return root / "run" / "artifacts" / "dataset"


def labels(root: Path) -> dict[str, str]:
    lines = (made(root) / "tickets.jsonl").read_text("utf-8").splitlines()
    return {row["ticket"]: row["label"] for row in map(json.loads, lines)}


def test_labels_are_corrected_in_a_folder_of_its_own(tmp_path: Path, dataset: Dataset) -> None:
    before = tree_digest(tree_entries(dataset.folder))
    report = relabelled(tmp_path, line("a::pass", "fail"), line("b::fail", "fail"))
    assert tree_digest(tree_entries(dataset.folder)) == before, "nothing is overwritten"
    assert labels(tmp_path) == {"a": "fail", "b": "fail", "c": "pass", "twice": "fail"}
    first = json.loads((made(tmp_path) / "tickets.jsonl").read_text("utf-8").splitlines()[0])
    assert first == {**TICKETS[0], "label": "fail"}, "keys that its maker knows stay"
    assert report["headline"]["corrected"] == {"value": 1, "unit": "tickets", "n": 5}
    source = DatasetSource(type="dataset", dataset="d", split="train")
    found = find_in_dataset(made(tmp_path), source)
    assert next((g.group_id, g.label) for g in found.groups) == ("a", "fail")


def test_every_correction_says_who_decided_it_when_and_on_what(
    tmp_path: Path, dataset: Dataset
) -> None:
    relabelled(tmp_path, line("a::pass", "fail"))
    (told,) = map(json.loads, (made(tmp_path) / "corrections.jsonl").read_text().splitlines())
    assert told == {
        "ticket_key": "a::pass", "was": "pass", "is": "fail", "how": "adjudicated",
        "settled": "2026-11-21T08:00", "item": 1, "log": "f" * 64, "run": "run1",
        "guidance": "guidance:甲@7", "reviewers": ["ann"],
    }  # fmt: skip
    manifest = open_dataset(made(tmp_path)).manifest
    assert manifest["fingerprint"] == dataset.fingerprint, "the same records and pictures"
    about = manifest["relabelled"]
    assert about["dataset"] == "data"
    assert about["guidance"] == ["guidance:甲@7"]
    assert len(about["decisions_sha256"]) == 64


def test_a_manifest_that_names_labels_is_held_to_them(tmp_path: Path, dataset: Dataset) -> None:
    relabelled(tmp_path, line("a::pass", "fail"))
    folder = made(tmp_path)
    assert not verify_dataset(open_dataset(folder)).differences
    path = folder / "tickets.jsonl"
    path.write_text(path.read_text().replace('"fail"', '"pass"', 1))
    assert verify_dataset(open_dataset(folder)).by_rule == {"dataset.tickets": 1}


def test_what_is_broken_or_would_be_there_twice_is_left_out(
    tmp_path: Path, dataset: Dataset
) -> None:
    report = relabelled(
        tmp_path, line("c::pass", "broken"), line("twice::pass", "fail"), line("x::pass", "fail")
    )
    assert labels(tmp_path) == {"a": "pass", "b": "fail", "twice": "fail"}
    assert report["headline"]["left_out"]["value"] == 2


def test_the_newest_decision_counts_and_those_of_other_runs_do_not(
    tmp_path: Path, dataset: Dataset
) -> None:
    other = line("c::pass", "fail", 3, provenance={"run": "run2", "log": ""})
    rows = [line("a::pass", "fail", 1), line("a::pass", "pass", 2), line("b::fail", "pass"), other]
    relabelled(tmp_path, *rows, runs=["run1"])
    assert labels(tmp_path) == {"a": "pass", "b": "pass", "c": "pass", "twice": "fail"}


def test_tickets_of_metadata_become_a_list(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path / "data", "small", ("train",))
    for number in range(3):
        writer.add_image(f"images/r{number}.jpg", encoded(picture(number)))
        told = {"ticket": f"t{number // 2}", "verdict": "PASS"}
        writer.add("train", replace(box_record(number), metadata=told))
    writer.finish()
    relabelled(tmp_path, line("t0::pass", "fail"), label_key="verdict")
    assert labels(tmp_path) == {"t0": "fail", "t1": "pass"}
    source = DatasetSource(type="dataset", dataset="d", split="train")
    found = find_in_dataset(made(tmp_path), source)
    assert [(g.group_id, g.label, len(g.photos)) for g in found.groups] == [
        ("t0", "fail", 2), ("t1", "pass", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (line("a::pass", "pass"), "none of 1 decisions differs"),
        ({"schema": "review_export/9"}, "of review_export/9, and review_export/1 is read"),
        ({"schema": "review_export/1"}, "not a line of a review snapshot"),
    ],
    ids=["nothing to correct", "another version", "another form"],
)
def test_a_snapshot_that_corrects_nothing_makes_no_dataset(
    tmp_path: Path, dataset: Dataset, row: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        relabelled(tmp_path, row)
    assert not (made(tmp_path) / "dataset.json").exists()
