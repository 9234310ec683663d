"""Candidates for many tickets: a grid of decodes, several samples of each.

The seed of a candidate follows from (run, group, candidate). What is asked together, in which
order and by how many processes changes nothing; nor does the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlcore.contract.domains import Domain
from mlcore.stage_b.backends.protocol import Backend, Question, Reply
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.prompts import Style, verdict_turns
from mlcore.stage_b.ticket import Decode, Ticket
from mlcore.stage_b.verdict.contract import parse_two_lines
from mlcore.stage_b.verdict.select import Candidate, Policy, is_decided


@dataclass(frozen=True)
class Grid:
    """`samples` answers for each decode, decode after decode. `stop_early` leaves a ticket alone
    once its vote is decided; vote strengths are then of fewer candidates."""

    decodes: tuple[Decode, ...]
    samples: int
    stop_early: bool = False

    @property
    def size(self) -> int:
        return len(self.decodes) * self.samples


@dataclass
class Rolled:
    """One ticket's candidates so far. `dropped` says why it was never answered."""

    ticket: Ticket
    candidates: list[Candidate] = field(default_factory=list)
    dropped: str = ""


def roll(
    tickets: Sequence[Ticket],
    guidance: Guidance,
    backend: Backend,
    grid: Grid,
    *,
    domain: Domain,
    style: Style = "full",
    policy: Policy | None = None,
) -> list[Rolled]:
    """Every ticket with its candidates, in the order of `tickets`."""
    policy = policy or Policy()
    rolled = [Rolled(ticket) for ticket in tickets]
    turns = [verdict_turns(t.evidence, guidance, domain, style) for t in tickets]
    index = 0
    for decode in grid.decodes:
        for _ in range(grid.samples):
            asked = [i for i, one in enumerate(rolled) if _open(one, grid, policy)]
            questions = [
                Question(f"{tickets[i].mission}/{tickets[i].group_id}", turns[i], index)
                for i in asked
            ]
            for i, reply in zip(asked, backend.answer(questions, decode), strict=True):
                _take(rolled[i], reply, index, decode)
            index += 1
    return rolled


def _open(one: Rolled, grid: Grid, policy: Policy) -> bool:
    if one.dropped:
        return False
    return not (grid.stop_early and is_decided(one.candidates, grid.size, policy))


def _take(one: Rolled, reply: Reply, index: int, decode: Decode) -> None:
    if reply.text is None:
        one.dropped = reply.problem
        return
    said = parse_two_lines(reply.text)
    one.candidates.append(Candidate(index, decode, reply.text, said))
