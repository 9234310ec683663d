"""Guidance on disk: nothing is lost by a crash, and a run of the same name goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlcore.errors import ConfigError, DataError
from mlcore.stage_b.guidance.model import Guidance, guidance_json, read_guidance
from mlcore.stage_b.guidance.operations import Operation, apply_operations
from mlcore.stage_b.guidance.store import FILE, HISTORY, GuidanceStore, opened
from tests.support.tickets import MISSION, guidance

NOW = "2026-01-01T00:00:00Z"


def seed(folder: Path) -> Path:
    path = folder / "seed.json"
    path.write_text(json.dumps({MISSION: guidance_json(guidance())}), encoding="utf-8")
    return path


def learn(store: GuidanceStore, before: Guidance, text: str) -> Guidance:
    done = apply_operations(
        before, [Operation("add", text=text, evidence=("t::fail",))], now=NOW, reflection_id="r"
    )
    store.advance(before, done.guidance, done.changes, "r")
    return done.guidance


def test_a_run_of_the_same_name_goes_on_and_fresh_starts_over(tmp_path: Path) -> None:
    store, path = GuidanceStore(tmp_path / "g", 5), seed(tmp_path)
    first, continued = opened(store, path, MISSION, fresh=False)
    assert not continued
    learnt = learn(store, first, "光纤要有保护")
    again, continued = opened(store, path, MISSION, fresh=False)
    assert (again, continued) == (learnt, True)
    anew, continued = opened(store, path, MISSION, fresh=True)
    assert (anew.learnt, continued) == ({}, False)
    assert store.snapshots() == []
    assert list(store.history(99)) == []
    assert read_guidance(path, MISSION) == guidance()


def test_snapshots_keep_what_was_and_only_the_newest_stay(tmp_path: Path) -> None:
    store = GuidanceStore(tmp_path, 2)
    now = guidance()
    store.begin(now)
    for word in ("甲甲甲甲", "乙乙乙乙", "丙丙丙丙"):
        now = learn(store, now, word)
    kept = [read_guidance(p, MISSION) for p in store.snapshots()]
    assert [g.step for g in kept] == [2, 3]
    assert [row["changes"][0]["after"] for row in store.history(now.step)] == [
        "甲甲甲甲", "乙乙乙乙", "丙丙丙丙"
    ]  # fmt: skip


def test_a_change_that_was_noted_and_never_reached_is_no_history(tmp_path: Path) -> None:
    store = GuidanceStore(tmp_path, 2)
    now = guidance()
    store.begin(now)
    whole = (tmp_path / FILE).read_bytes()
    learn(store, now, "光纤要有保护")
    (tmp_path / FILE).write_bytes(whole)
    with (tmp_path / HISTORY).open("a", encoding="utf-8") as file:
        file.write('{"step": 9')
    state = store.load(MISSION)
    assert state.step == 1
    assert list(store.history(state.step)) == []
    better = learn(store, state, "标签要能认出")
    assert [row["changes"][0]["after"] for row in store.history(better.step)] == ["标签要能认出"]


def test_damaged_guidance_says_what_to_do(tmp_path: Path) -> None:
    store = GuidanceStore(tmp_path / "g", 2)
    (tmp_path / "g" / FILE).write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="earlier run") as caught:
        opened(store, seed(tmp_path), MISSION, fresh=False)
    assert "fresh" in caught.value.hint


def test_an_unknown_mission_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no guidance"):
        opened(GuidanceStore(tmp_path / "g", 2), seed(tmp_path), "RRU线缆", fresh=False)
