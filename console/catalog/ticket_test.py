"""Trying a ticket pattern on sample names, in a process that a bad pattern cannot outlive."""
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

LIMIT_S = 2.0
MOST_NAMES = 200
LONGEST_NAME = 400
LONGEST_PATTERN = 500


@dataclass(frozen=True)
class TicketTest:
    """`tickets` has one entry per name, empty where an image is a ticket of its own; `problem` says
    why there are none."""

    tickets: list[str]
    problem: str = ""

    @property
    def distinct(self) -> int:
        """How many tickets the names belong to."""
        named = {ticket for ticket in self.tickets if ticket}
        return len(named) + sum(not ticket for ticket in self.tickets)


def try_pattern(pattern: str, names: Sequence[str]) -> TicketTest:
    """The ticket of each name as an import would find it.

    Some patterns take longer than the age of the universe on a short name, and Python cannot stop
    one; so it runs beside, for at most LIMIT_S seconds.
    """
    body = json.dumps({"pattern": pattern, "names": list(names)}).encode()
    command = [sys.executable, "-m", "mlcore.contract.tickets"]
    try:
        done = subprocess.run(
            command, input=body, capture_output=True, timeout=LIMIT_S, check=True,
            cwd=settings.BASE_DIR,
        )
    except subprocess.TimeoutExpired:
        return TicketTest([], _("The pattern takes too long on these names; make it simpler."))
    answer = json.loads(done.stdout)
    return TicketTest(answer.get("tickets", []), answer.get("problem", ""))
