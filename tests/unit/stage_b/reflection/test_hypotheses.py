"""Hypotheses: support, promotion, rejection."""

from __future__ import annotations

from mlcore.facts.fact import Fact
from mlcore.stage_b.reflection.config import HypothesisConfig
from mlcore.stage_b.reflection.hypotheses import Guess, Pool
from mlcore.stage_b.ticket import Verdict

BARE = Fact(1, "光纤", "保护措施", "无保护")
RULE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"
LIMITS = HypothesisConfig(min_support_cycles=2, min_unique_ticket_keys=3, max_idle_cycles=4)


def guess(*keys: str, text: str = RULE) -> Guess:
    return Guess(text, "同样情况多数通过", keys)


def test_support_is_of_different_reflections_and_different_tickets() -> None:
    pool = Pool(LIMITS)
    pool.support(guess("a", "b", "c"), 1, "m-1", "t")
    pool.support(guess("a", "b", "c"), 1, "m-1", "t")
    assert pool.due() == []
    pool.support(
        guess("a", text="當任一图中「光纤」的「保护措施」为「无保护」则判不通过"), 2, "m-2", "t"
    )
    (due,) = pool.due()
    assert due.support_cycle_ids == ["m-1", "m-2"]
    assert due.support_ticket_keys == ["a", "b", "c"]


def test_a_promoted_one_is_due_no_more() -> None:
    pool = Pool(LIMITS)
    for cycle in (1, 2):
        pool.support(guess("a", "b", "c"), cycle, f"m-{cycle}", "t")
    pool.promote(pool.due()[0], "m-2", "t2")
    assert pool.due() == []
    assert [event.event for event in pool.take_events()] == ["proposed", "promoted"]
    (entry,) = pool.to_json().values()
    assert (entry["status"], entry["promoted_at"]) == ("promoted", "t2")


def test_labels_that_contradict_it_reject_it_for_good() -> None:
    pool = Pool(LIMITS)
    pool.support(guess("a"), 1, "m-1", "t")
    few: list[tuple[Verdict, list[Fact]]] = [("pass", [BARE]), ("pass", [BARE])]
    pool.review(few, 1, "m-1", "t")
    assert pool.candidates(), "two tickets refute nothing"
    pool.review([*few, ("fail", [BARE]), ("pass", [])], 1, "m-1", "t")
    assert pool.rejected(RULE)
    pool.support(guess("b", "c", "d"), 2, "m-2", "t")
    assert pool.candidates() == []
    (entry,) = pool.to_json().values()
    assert entry["rejected_because"] == "falsified"


def test_one_that_nothing_names_for_long_is_rejected() -> None:
    pool = Pool(LIMITS)
    pool.support(guess("a"), 1, "m-1", "t")
    pool.review([], 4, "m-4", "t")
    assert not pool.rejected(RULE)
    pool.review([], 5, "m-5", "t")
    assert pool.rejected(RULE)


def test_a_promoted_rule_that_was_removed_is_not_proposed_again() -> None:
    pool = Pool(LIMITS)
    for cycle in (1, 2):
        pool.support(guess("a", "b", "c"), cycle, f"m-{cycle}", "t")
    pool.promote(pool.due()[0], "m-2", "t")
    pool.removed([RULE], "cleanup-1", "t")
    assert pool.rejected(RULE)
