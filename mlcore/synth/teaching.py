"""Conversations that teach the two lines of a verdict, from pictures of the train split.

The teacher is the deterministic guard on the true summaries: at the checklist, and at the rules
that a prompt shows beside it. It never reads the label of a ticket, so nothing that the desk does
beyond the checklist can be learnt from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlcore.chat.messages import Conversation, Turn, to_messages
from mlcore.contract.domains import Domain
from mlcore.contract.records import Record
from mlcore.coordjson.pieces import Piece
from mlcore.facts.parse import facts_of
from mlcore.randomness import sample_rng
from mlcore.stage_b.decide import FALLBACK
from mlcore.stage_b.guidance.model import CHECKLIST, Guidance
from mlcore.stage_b.prompts import verdict_turns
from mlcore.stage_b.ticket import Evidence
from mlcore.stage_b.verdict.contract import Spoken, render_two_lines
from mlcore.stage_b.verdict.guard import guard
from mlcore.stage_b.verdict.rules import Condition, Rule, rule_text
from mlcore.synth.config import Teaching, Tickets
from mlcore.synth.tickets import make_tickets

TEACHER = "the guard at the checklist and the shown rules, on known truth"
FAMILY: Domain = "bbu"
MOST_RULES = 3
"""most rules that a prompt shows"""
MOST_LEAST = 3
"""largest count that a rule asks for"""


@dataclass(frozen=True)
class Taught:
    """One conversation and the verdict in it."""

    conversation: Conversation
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """The line's object: a conversation as `read_conversation` takes it."""
        talk = self.conversation
        return {"id": talk.id, "messages": to_messages(talk)}


def teach(
    records: Sequence[Record], tickets: Tickets, teaching: Teaching, seed: int, style: str
) -> Iterator[Taught]:
    """`teaching.count` conversations over groups of records that have summaries.

    Records are grouped as tickets are, anew in each round, so that every picture is met in several
    groups. A share of the prompts shows rules over the faults that occur in the records.
    """
    by_id = {record.id: record for record in records}
    faults = _faults(records)
    made = 0
    for round_ in range(1, teaching.count + 1):
        for group in make_tickets(records, tickets, seed, style, f"teaching-{round_}"):
            if made == teaching.count:
                return
            name = f"verdict-{made:06d}"
            rng = sample_rng(seed, 0, name, "synth/teaching")
            summaries = tuple(by_id[image].summary or "" for image in group.images)
            evidence = Evidence(teaching.mission, group.images, summaries)
            yield _taught(name, evidence, _guidance(teaching, faults, rng))
            made += 1


def _taught(name: str, evidence: Evidence, guidance: Guidance) -> Taught:
    found = guard(evidence, guidance.focus, guidance.rules)
    spoken = Spoken("fail", found.reason()) if found.fails else Spoken("pass", FALLBACK["pass"])
    answer = Turn("assistant", (Piece("text", render_two_lines(spoken)),))
    turns = verdict_turns(evidence, guidance, FAMILY, style="compact")
    return Taught(Conversation(name, (*turns, answer)), spoken.verdict)


def _guidance(
    teaching: Teaching, faults: Sequence[Condition], rng: np.random.Generator
) -> Guidance:
    """The checklist, and for the share of prompts that shows rules one to three of them."""
    texts = {CHECKLIST: teaching.checklist}
    if faults and rng.random() < teaching.rules_share:
        count = min(int(rng.integers(1, MOST_RULES + 1)), len(faults))
        for place, which in enumerate(rng.permutation(len(faults))[:count], start=1):
            least = int(rng.integers(1, MOST_LEAST + 1)) if rng.random() < 0.5 else 1
            texts[f"G{place}"] = rule_text(Rule((replace(faults[which], least=least),)))
    return Guidance(teaching.mission, 0, texts)


def _faults(records: Sequence[Record]) -> list[Condition]:
    """Every sort of fault that the summaries name, sorted."""
    found = {
        Condition(fact.subject, fact.attribute, fact.value)
        for record in records
        for fact in facts_of(record.summary or "", 1).facts
        if fact.polarity == "negative"
    }
    return sorted(found)


def about(teaching: Teaching, verdicts: Mapping[str, int]) -> dict[str, Any]:
    """What dataset.json and the report say of the conversations."""
    return {
        "teacher": TEACHER,
        "mission": teaching.mission,
        "checklist": teaching.checklist,
        "verdicts": dict(sorted(verdicts.items())),
    }
