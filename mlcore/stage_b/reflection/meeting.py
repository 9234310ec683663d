"""One reflection: who meets about which tickets, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlcore.stage_b.decide import Decided
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.guidance.operations import Operation
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.reflection.hypotheses import Guess, Hypothesis
from mlcore.stage_b.verdict.contract import Spoken


@dataclass(frozen=True)
class Meeting:
    """`records` are judged by the guidance of now, whatever they were judged by before. `seen` are
    the newest tickets of the run besides, likewise. `most` operations may be proposed."""

    reflection_id: str
    cycle: int
    records: tuple[Judged, ...]
    seen: tuple[Judged, ...]
    guidance: Guidance
    hypotheses: tuple[Hypothesis, ...]
    most: int

    @property
    def keys(self) -> list[str]:
        """Ticket keys of the records."""
        return [key_of(one) for one in self.records]

    @property
    def decided(self) -> dict[str, Decided]:
        """Outcomes of the records by key."""
        return {key_of(one): one.decided for one in self.records}


@dataclass(frozen=True)
class Decision:
    """Of the tickets that no evidence explains: a note by key."""

    no_evidence: Mapping[str, str]
    analysis: str


@dataclass(frozen=True)
class Proposal:
    """What is to be learnt. Nothing in it is trusted yet."""

    analysis: str
    operations: tuple[Operation, ...]
    guesses: tuple[Guess, ...]


class Reflector(Protocol):
    """`name` stands in the id of every reflection, so that nobody takes one for another."""

    name: str

    def weights(self, meeting: Meeting) -> tuple[int, list[int]]:
        """Tokens of a prompt without records, and of each record."""
        ...

    def decide(self, meeting: Meeting) -> Decision:
        """Which records no evidence explains, once their label is known. Raises ReplyError."""
        ...

    def propose(self, meeting: Meeting) -> Proposal:
        """What the records teach. Raises ReplyError."""
        ...


def key_of(one: Judged) -> str:
    """The key of a judged ticket."""
    return one.decided.ticket.ticket_key


@dataclass(frozen=True)
class Packed:
    """Records of one prompt; `waiting` did not fit beside them, `unfit` would not fit alone."""

    records: tuple[Judged, ...]
    waiting: tuple[Judged, ...]
    unfit: tuple[Judged, ...]


def pack(records: Sequence[Judged], base: int, weights: Sequence[int], budget: int) -> Packed:
    """The records that teach most, as far as they fit in `budget` tokens with `base` around them.

    First those whose candidates are partly right, then those wholly wrong, then the others that
    are judged wrongly; each in their order.
    """
    order = sorted(range(len(records)), key=lambda i: -_priority(records[i]))
    taken: list[Judged] = []
    waiting: set[int] = set()
    unfit: set[int] = set()
    used = base
    for i in order:
        if base + weights[i] > budget:
            unfit.add(i)
        elif used + weights[i] > budget:
            waiting.add(i)
        else:
            used += weights[i]
            taken.append(records[i])
    return Packed(
        tuple(taken),
        tuple(records[i] for i in sorted(waiting)),
        tuple(records[i] for i in sorted(unfit)),
    )


def _priority(judged: Judged) -> int:
    decided = judged.decided
    label = decided.ticket.label
    right = [said == label for said in votes(judged)]
    if any(right) and not all(right):
        return 3
    if right and not any(right):
        return 2
    return 1 if decided.label_match is False else 0


def votes(judged: Judged) -> list[str]:
    """The verdicts of the well-formed candidates, in their order."""
    said = [candidate.said for candidate in judged.rolled.candidates]
    return [one.verdict for one in said if isinstance(one, Spoken)]
