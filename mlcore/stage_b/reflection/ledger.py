"""Where every ticket of an epoch stands, and which of them wait to be reflected on."""

from __future__ import annotations

from collections.abc import Sequence

from mlcore.stage_b.learner import Judged
from mlcore.stage_b.reflection.meeting import key_of
from mlcore.stage_b.reflection.states import Event, TicketState, moved


class Ledger:
    """The books of one epoch. Keys of tickets move through `states.moved` and nothing else."""

    def __init__(self, batch_size: int, retry_budget: int) -> None:
        self._batch, self._budget = batch_size, retry_budget
        self.judged: dict[str, Judged] = {}
        """as they were judged"""
        self.states: dict[str, TicketState] = {}
        self._queues: dict[int, list[str]] = {}
        self._changed: dict[str, str] = {}

    def enter(self, one: Judged) -> None:
        """A ticket that was judged; it is pending and waits for nothing yet."""
        self.judged[key_of(one)] = one
        self.states[key_of(one)] = TicketState()

    def move(self, key: str, event: Event) -> TicketState:
        """What follows from an event; one that is to be tried again waits with its like."""
        state = moved(self.states[key], event, self._budget)
        self.states[key] = state
        self._changed[key] = str(state)
        if state.stage == "retry":
            self.wait([key], state.retries)
        return state

    def wait(self, keys: Sequence[str], attempt: int) -> None:
        """Tickets wait for their next reflection, behind those of the same attempt."""
        self._queues.setdefault(attempt, []).extend(keys)

    def wait_first(self, keys: Sequence[str], attempt: int) -> None:
        """Tickets that found no room wait before the others, their budget untouched."""
        self._queues[attempt] = [*keys, *self._queues.get(attempt, [])]

    def size(self, attempt: int) -> int:
        """Tickets of one reflection: fewer each time, so that hard ones are looked at closely."""
        return max(1, self._batch >> attempt)

    def full(self) -> bool:
        """Whether enough tickets wait for their first reflection."""
        return len(self._queues.get(0, [])) >= self._batch

    def next_attempt(self) -> int | None:
        """The lowest attempt for which tickets wait, None for none."""
        return min((attempt for attempt, keys in self._queues.items() if keys), default=None)

    def take(self, attempt: int) -> list[str]:
        """The next tickets of an attempt: the first one in order of arrival, later ones by key."""
        waiting = self._queues.pop(attempt, [])
        if attempt:
            waiting.sort()
        size = self.size(attempt)
        self._queues[attempt] = waiting[size:]
        return waiting[:size]

    def changes(self) -> dict[str, str]:
        """States that changed since the last call, by key in order."""
        out, self._changed = dict(sorted(self._changed.items())), {}
        return out

    def counts(self) -> dict[str, int]:
        """Tickets by stage."""
        out: dict[str, int] = {}
        for state in self.states.values():
            out[state.stage] = out.get(state.stage, 0) + 1
        return dict(sorted(out.items()))
