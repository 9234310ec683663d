"""The fusion file of an older config becomes the mixture of the new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.config.compose import Source
from mlcore.config.yaml_tree import read_yaml
from mlcore.train.old.beside import Folder
from mlcore.train.old.migrate import ConfigMigration, migrated
from mlcore.train.old.mixture import REMOVED, SAME, SPECIAL

Told = dict[str, tuple[str, tuple[str, ...]]]


def mixed(folder: Path, **roles: Any) -> tuple[ConfigMigration, dict[str, Any], Told]:
    (folder / "fusion.json").write_text(json.dumps(roles), encoding="utf-8")
    old = {"custom": {"fusion_config": "fusion.json"}, "model": {"model": "/m"},
           "training": {"max_steps": 5}}
    done = migrated(Source(str(folder / "old.yaml"), json.dumps(old)), Folder(folder))
    head = "custom.fusion_config."
    told = {f.key.removeprefix(head): (f.status, f.to) for f in done.fates if head in f.key}
    return done, read_yaml(done.text, "new.yaml").data["data"], told


def member(**keys: Any) -> dict[str, Any]:
    return {"name": "one", "train_jsonl": "d/train.jsonl", **keys}


CASES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("name", {"name": "two"}, "carried", {"name": "two"}),
    ("train_jsonl", {"train_jsonl": "e/part.jsonl"}, "carried", {"dataset": "e", "split": "part"}),
    ("train_jsonl", {"train_jsonl": 3}, "unsupported", {"dataset": None}),
    ("val_jsonl", {"val_jsonl": "d/held.jsonl"}, "carried", {"val_split": "held"}),
    ("val_jsonl", {"val_jsonl": "e/held.jsonl"}, "unsupported", {}),
    ("ratio", {"ratio": 0.5}, "carried", {"ratio": 0.5}),
    ("seed", {"seed": 3}, "carried", {"seed": 3}),
    ("max_objects_per_image", {"max_objects_per_image": 9}, "carried", {"max_objects": 9}),
    ("curriculum_enabled", {"curriculum_enabled": False}, "carried", {"curriculum": False}),
    ("augmentation_enabled", {"augmentation_enabled": False}, "carried", {"augmentation": False}),
    ("mode", {"mode": "summary"}, "carried", {"summary_share": 1.0}),
    ("mode", {"mode": "both"}, "unsupported", {}),
    ("use_summary", {"use_summary": True}, "carried", {"summary_share": 1.0}),
    ("sample_without_replacement", {"sample_without_replacement": True}, "carried",
     {"sampling": "cover"}),
    ("poly_fallback", {"poly_fallback": "bbox_2d", "poly_max_points": 8}, "carried",
     {"boxes_above": 8}),
    ("poly_fallback", {"poly_fallback": "off"}, "removed", {}),
    ("dataset", {"dataset": "bbu"}, "removed", {"name": "one"}),
    ("dataset", {"dataset": "bbu", "name": None}, "carried", {"name": "bbu"}),
    *((key, {key: "x"}, "removed", {}) for key in REMOVED),
]


@pytest.mark.parametrize(("key", "given", "status", "expected"), CASES)
def test_a_key_of_a_target(
    tmp_path: Path, key: str, given: dict[str, Any], status: str, expected: dict[str, Any]
) -> None:
    keys = {k: v for k, v in member(**given).items() if v is not None}
    _, data, told = mixed(tmp_path, targets=[keys])
    (target,) = data["targets"]
    assert target | expected == target
    assert told[f"targets.0.{key}"][0] == status
    assert all(new.startswith("data.targets.0.") for new in told[f"targets.0.{key}"][1])


def test_every_known_key_of_a_dataset_has_a_case() -> None:
    assert {key for key, *_ in CASES} == set(SAME) | set(SPECIAL) | set(REMOVED)


def test_a_source_is_drawn_with_replacement_never_evaluated_and_not_augmented(
    tmp_path: Path,
) -> None:
    source = member(name="two", ratio=0.1, val_jsonl="d/val.jsonl", augmentation_enabled=True)
    done, data, told = mixed(tmp_path, targets=[member()], sources=[source])
    assert data["sources"] == [
        {"name": "two", "dataset": "d", "split": "train", "ratio": 0.1, "sampling": "replace"}
    ]
    assert told["sources.0.val_jsonl"][0] == "removed"
    assert told["sources.0.augmentation_enabled"][0] == "removed"
    assert done.settings["data.sources.0.sampling"][0] == "replace"
    assert done.loads


def test_keys_may_stand_under_params(tmp_path: Path) -> None:
    _, data, _ = mixed(tmp_path, targets=[{"dataset": "bbu", "params": {
        "train_jsonl": "d/train.jsonl", "mode": "dense"}}])
    assert data["targets"] == [
        {"name": "bbu", "dataset": "d", "split": "train", "summary_share": 0.0}
    ]


def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    done, _, told = mixed(tmp_path, targets=[member(colour="red"), 3], target={}, more=1)
    assert told["targets.0.colour"][0] == "unknown"
    assert told["targets.1"][0] == "unsupported"
    assert (told["target"][0], told["more"][0]) == ("removed", "unknown")
    assert not done.loads


def test_a_file_that_is_no_mixture_is_not_carried(tmp_path: Path) -> None:
    (tmp_path / "fusion.json").write_text("{a: 1, a: 2}", encoding="utf-8")
    text = "custom: {fusion_config: fusion.json}\n"
    done = migrated(Source(str(tmp_path / "old.yaml"), text), Folder(tmp_path))
    (fate,) = done.fates
    assert (fate.status, "duplicate key" in fate.note) == ("unsupported", True)
    assert not done.loads
