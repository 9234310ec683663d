"""Figures of summaries."""
from __future__ import annotations

from typing import Any

from mlcore.contract.records import Record
from mlcore.evaluate.detection import Resampling
from mlcore.evaluate.load import Answer, SystemAnswers
from mlcore.evaluate.summary import summary_rows, summary_scores
from tests.support.answers import LOOSE, SCREW, SIDE, record


def scores(records: list[Record], texts: dict[str, str] | None) -> dict[str, Any]:
    answers = {} if texts is None else {"summary": {k: Answer(t, True) for k, t in texts.items()}}
    system = SystemAnswers("model", {}, "", answers)  # type: ignore[arg-type]
    return summary_scores(summary_rows(records, system), Resampling(100, 0))


def plain(figure: dict[str, Any]) -> tuple[float, int]:
    """A figure without its interval."""
    return figure["value"], figure["n"]


TWO = record("a", SCREW, SCREW, LOOSE)
GOOD, BAD = SCREW.desc, LOOSE.desc


def test_the_same_words_are_an_exact_match_with_all_facts() -> None:
    found = scores([TWO], {"a": str(TWO.summary)})
    assert plain(found["exact_match"]) == (1.0, 1)
    assert found["fact_f1"]["value"] == 1.0
    assert found["fact_f1"]["n"] == 2


def test_another_order_keeps_the_facts_but_is_no_exact_match() -> None:
    found = scores([TWO], {"a": f"{BAD}×1，{GOOD}×2"})
    assert found["exact_match"]["value"] == 0.0
    assert found["fact_f1"]["value"] == 1.0


def test_a_wrong_count_is_a_wrong_fact_but_the_negative_thing_is_named() -> None:
    found = scores([TWO], {"a": f"{GOOD}×2，{BAD}×3"})
    assert (found["fact_f1"]["tp"], found["fact_f1"]["fp"], found["fact_f1"]["fn"]) == (1, 1, 1)
    assert plain(found["negative_recall"]) == (1.0, 1)
    assert found["negative_precision"] == {"value": 1.0, "n": 1}


def test_a_summary_that_cannot_be_read_names_nothing() -> None:
    found = scores([TWO], {"a": "two fine screws"})
    assert found["parse_rate"] == {"value": 0.0, "n": 1}
    assert found["fact_f1"]["fn"] == 2
    assert plain(found["negative_recall"]) == (0.0, 1)
    assert found["negative_precision"] == {"value": None, "n": 0}


def test_a_missing_summary_counts_and_a_record_without_one_does_not() -> None:
    found = scores([TWO, record("b", SCREW, summary=False)], {})
    assert plain(found["exact_match"]) == (0.0, 1)


def test_without_any_summary_asked_for_nothing_has_a_value() -> None:
    found = scores([TWO], None)
    assert {found[name]["value"] for name in found} == {None}
    assert {found[name]["n"] for name in found} == {0}


def test_a_true_summary_in_free_text_is_judged_as_a_whole_only() -> None:
    free = Record("a", ("i.png",), SIDE, SIDE, "pixel", (), "all is well")
    found = scores([free], {"a": "all is well"})
    assert found["exact_match"]["value"] == 1.0
    assert found["fact_f1"]["value"] is None
