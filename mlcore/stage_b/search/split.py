"""Three parts of the tickets: to propose from, to test on, and to report on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlcore.errors import DataError
from mlcore.randomness import sample_rng
from mlcore.stage_b.ticket import Ticket

PARTS = ("propose", "gate", "report")


@dataclass(frozen=True)
class Parts:
    """Each in the order in which the tickets came."""

    propose: tuple[Ticket, ...]
    gate: tuple[Ticket, ...]
    report: tuple[Ticket, ...]


def three_parts(tickets: Sequence[Ticket], shares: tuple[float, float], seed: int) -> Parts:
    """Split by group, labels in like shares: `shares` are those of propose and gate, the rest is
    for the report.

    A group that was handed in twice is in one part, else its photographs would be on both sides.
    Depends on the groups' names and the seed alone. Raises DataError where a part lacks a label.
    """
    groups: dict[str, list[Ticket]] = {}
    for ticket in tickets:
        groups.setdefault(ticket.group_id, []).append(ticket)
    strata: dict[str, list[str]] = {}
    for name, members in groups.items():
        stratum = "+".join(sorted({member.label for member in members}))
        strata.setdefault(stratum, []).append(name)
    part_of: dict[str, int] = {}
    for stratum, names in sorted(strata.items()):
        names = sorted(names)
        order = sample_rng(seed, 0, stratum, "stage_b/three_parts").permutation(len(names))
        first = round(shares[0] * len(names))
        second = first + round(shares[1] * len(names))
        for rank, place in enumerate(order):
            part_of[names[place]] = (rank >= first) + (rank >= second)
    parts: tuple[list[Ticket], ...] = ([], [], [])
    for ticket in tickets:
        parts[part_of[ticket.group_id]].append(ticket)
    for name, part in zip(PARTS, parts, strict=True):
        missing = {"pass", "fail"} - {ticket.label for ticket in part}
        if missing:
            raise DataError(
                f"the part to {name} has no ticket labelled {sorted(missing)[0]}",
                hint="Rule search needs more tickets of both labels, or other shares.",
            )
    return Parts(*(tuple(part) for part in parts))
