"""What operations do to guidance, and what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from mlcore.stage_b.guidance.likeness import alike
from mlcore.stage_b.guidance.model import Guidance, Meta, guidance_json, parse_guidance
from mlcore.stage_b.guidance.operations import (
    Applied,
    Operation,
    apply_operations,
    credited,
    stale,
)
from tests.support.tickets import MISSION, guidance

FIBRE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"
LABEL = "若任一图中「标签」的「可读性」为「不可读」，则判不通过。"
NOW = "2026-01-01T00:00:00Z"


def op(verb: str, **fields: Any) -> Operation:
    return Operation(verb, **{"evidence": ("t1::fail",), **fields})  # type: ignore[arg-type]


def apply(before: Guidance, *operations: Operation) -> Applied:
    return apply_operations(before, operations, now=NOW, reflection_id="r1")


def test_a_new_rule_takes_the_smallest_free_number_and_says_where_it_comes_from() -> None:
    done = apply(guidance(G2=LABEL), op("add", text=FIBRE, rationale="why"))
    assert done.guidance.learnt == {"G1": FIBRE, "G2": LABEL}
    assert done.guidance.step == 2
    meta = done.guidance.metadata["G1"]
    assert (meta.sources, meta.reflection_id, meta.rationale) == (("t1::fail",), "r1", "why")
    assert (meta.hit_count, meta.confidence) == (0, None)


def test_an_add_that_is_known_becomes_an_update_and_the_same_text_nothing() -> None:
    before = guidance(G1="若光纤没有保护措施，则判不通过")
    done = apply(before, op("add", text="如果光纤没有保护措施就判不通过"))
    assert list(done.guidance.learnt) == ["G1"]
    assert done.changes[0].verb == "update"
    again = apply(guidance(G1=FIBRE), op("add", text=FIBRE))
    assert (again.changes, again.guidance.step) == ((), 1)


def test_two_rules_that_differ_in_one_value_are_two() -> None:
    assert not alike(FIBRE, FIBRE.replace("无保护", "有保护"))
    done = apply(guidance(G1=FIBRE), op("add", text=LABEL))
    assert done.guidance.learnt == {"G1": FIBRE, "G2": LABEL}


def test_a_merge_folds_texts_sources_and_counts() -> None:
    before = guidance(G1=FIBRE, G2=LABEL)
    before = credited(before, {"G1": (3, 1), "G2": (2, 0)})
    done = apply(before, op("merge", key="G1", merged_from=("G2",), text="光纤和标签都要看"))
    assert done.guidance.learnt == {"G1": "光纤和标签都要看"}
    meta = done.guidance.metadata["G1"]
    assert (meta.hit_count, meta.miss_count) == (5, 1)
    assert [(c.key, c.after) for c in done.changes] == [("G1", "光纤和标签都要看"), ("G2", "")]


def test_a_later_operation_sees_what_an_earlier_one_did() -> None:
    before = guidance(G1=FIBRE)
    done = apply(before, op("delete", key="G1"), op("update", key="G1", text=LABEL))
    assert done.guidance.learnt == {}
    assert done.refused[0].reason == "there is no G1"
    back = apply(before, op("delete", key="G1"), op("add", text=FIBRE))
    assert back.guidance.learnt == {"G1": FIBRE}
    assert back.guidance.metadata["G1"].sources == ("t1::fail",)


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (op("add", text=LABEL, evidence=()), "evidence"),
        (op("add", text="  "), "empty"),
        (op("add", text="看不清则需复核"), "avoids"),
        (op("update", key="S1", text=LABEL), "read-only"),
        (op("update", key="G9", text=LABEL), "no G9"),
        (op("update", key="G2", text=FIBRE), "G1 already"),
        (op("delete", key="G0"), "mandatory"),
        (op("delete", key="S1"), "read-only"),
        (op("merge", key="G1", text=LABEL), "nothing is named"),
        (op("merge", key="G1", merged_from=("G0",), text=LABEL), "cannot be merged"),
        (op("merge", key="G1", merged_from=("G7",), text=LABEL), "no G7"),
    ],
)
def test_what_is_refused_changes_nothing_and_says_why(operation: Operation, reason: str) -> None:
    before = guidance(S1="不变", G1=FIBRE, G2="标签要能认出")
    done = apply(before, operation)
    assert done.guidance is before
    assert reason in done.refused[0].reason


def test_the_checklist_may_be_rewritten_but_stays() -> None:
    done = apply(guidance(), op("update", key="G0", text="需要检测到挡风板"))
    assert done.guidance.checklist == "需要检测到挡风板"


def test_rules_that_mislead_are_stale() -> None:
    told = credited(guidance(G1=FIBRE, G2=LABEL), {"G1": (1, 4), "G2": (0, 2), "G7": (1, 1)})
    assert stale(told, below=0.35, misses=3) == ["G1"]
    assert "G7" not in told.metadata
    assert told.step == 1


def test_guidance_is_written_as_it_is_read() -> None:
    told = credited(guidance(S1="不变", G1=FIBRE), {"G1": (1, 4)})
    entry = guidance_json(told)
    assert parse_guidance(MISSION, entry, "f") == told
    assert told.metadata["G1"] == Meta(hit_count=1, miss_count=4)
