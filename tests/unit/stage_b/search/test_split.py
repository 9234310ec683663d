"""Three parts that share no group and have labels in like shares."""

from __future__ import annotations

import pytest

from mlcore.errors import DataError
from mlcore.stage_b.search.split import three_parts
from mlcore.stage_b.ticket import Ticket
from tests.support.tickets import GOOD, ticket


def tickets() -> list[Ticket]:
    many = [ticket(f"g{i}", "fail" if i % 4 == 0 else "pass", GOOD) for i in range(100)]
    return [*many, ticket("g1", "fail", GOOD), ticket("g2", "fail", GOOD)]


def test_no_group_is_in_two_parts_and_every_ticket_is_in_one() -> None:
    parts = three_parts(tickets(), (0.3, 0.3), 7)
    groups = [{t.group_id for t in part} for part in (parts.propose, parts.gate, parts.report)]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert len(parts.propose) + len(parts.gate) + len(parts.report) == 102
    shares = [sum(t.label == "fail" for t in p) / len(p) for p in (parts.propose, parts.report)]
    assert shares[0] == pytest.approx(shares[1], abs=0.08)


def test_the_parts_depend_on_names_and_seed_alone() -> None:
    first = three_parts(tickets(), (0.3, 0.3), 7)
    again = three_parts(list(reversed(tickets())), (0.3, 0.3), 7)
    assert set(first.gate) == set(again.gate)
    assert set(first.gate) != set(three_parts(tickets(), (0.3, 0.3), 8).gate)


def test_a_part_without_a_label_is_refused() -> None:
    with pytest.raises(DataError, match="no ticket labelled fail"):
        three_parts([ticket(f"g{i}", "pass", GOOD) for i in range(30)], (0.3, 0.3), 0)
