"""Rules that are not sure yet: what speaks for them, when they become rules, when they are given
up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mlcore.facts.fact import Fact
from mlcore.stage_b.clean import simplified
from mlcore.stage_b.guidance.likeness import normal
from mlcore.stage_b.reflection.config import HypothesisConfig
from mlcore.stage_b.rows import HypothesisEventRow
from mlcore.stage_b.ticket import Verdict
from mlcore.stage_b.verdict.rules import parse_rule

Status = Literal["candidate", "promoted", "rejected"]
FALSIFIED, IDLE, DROPPED = "falsified", "idle", "rule_removed"


@dataclass(frozen=True)
class Guess:
    """A hypothesis as one reflection states it. `evidence` are keys of tickets."""

    text: str
    falsifier: str
    evidence: tuple[str, ...]
    dimension: str = ""


@dataclass
class Hypothesis:
    """One hypothesis over a run. Times are ISO 8601, empty for never."""

    signature: str
    text: str
    falsifier: str
    dimension: str
    first_seen: str
    last_seen: str
    status: Status = "candidate"
    support_cycle_ids: list[str] = field(default_factory=list)
    support_ticket_keys: list[str] = field(default_factory=list)
    last_cycle: int = 0
    promoted_at: str = ""
    rejected_at: str = ""
    rejected_because: str = ""

    def to_json(self) -> dict[str, Any]:
        """Its entry of hypotheses.json."""
        out: dict[str, Any] = {
            "signature": self.signature,
            "text": self.text,
            "falsifier": self.falsifier,
            "dimension": self.dimension,
            "status": self.status,
            "support_cycles": len(self.support_cycle_ids),
            "support_cycle_ids": self.support_cycle_ids,
            "support_ticket_keys": self.support_ticket_keys,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
        }
        if self.promoted_at:
            out["promoted_at"] = self.promoted_at
        if self.rejected_at:
            out |= {"rejected_at": self.rejected_at, "rejected_because": self.rejected_because}
        return out


def signature(text: str) -> str:
    """What is the same for hypotheses that say the same."""
    return normal(simplified(text))


class Pool:
    """The hypotheses of a run. `events` are lines of hypothesis_events.jsonl not yet taken."""

    def __init__(self, config: HypothesisConfig) -> None:
        self._config = config
        self._known: dict[str, Hypothesis] = {}
        self._events: list[HypothesisEventRow] = []

    def rejected(self, text: str) -> bool:
        """Whether such a hypothesis was given up."""
        known = self._known.get(signature(text))
        return known is not None and known.status == "rejected"

    def candidates(self) -> list[Hypothesis]:
        """Those that are neither rules nor given up, oldest first."""
        return [one for one in self._known.values() if one.status == "candidate"]

    def support(self, guess: Guess, cycle: int, reflection_id: str, now: str) -> None:
        """One reflection speaks for a hypothesis. One that was given up stays so."""
        key = signature(guess.text)
        one = self._known.get(key)
        if one is None:
            one = Hypothesis(key, guess.text, guess.falsifier, guess.dimension, now, now)
            self._known[key] = one
            self._note("proposed", one, reflection_id, now, "")
        if one.status == "rejected":
            return
        if reflection_id not in one.support_cycle_ids:
            one.support_cycle_ids.append(reflection_id)
        fresh = [k for k in guess.evidence if k not in one.support_ticket_keys]
        one.support_ticket_keys += fresh
        one.last_seen, one.last_cycle = now, cycle

    def due(self) -> list[Hypothesis]:
        """Candidates with support enough to become rules."""
        limits = self._config
        return [
            one
            for one in self.candidates()
            if len(one.support_cycle_ids) >= limits.min_support_cycles
            and len(one.support_ticket_keys) >= limits.min_unique_ticket_keys
        ]

    def promote(self, one: Hypothesis, reflection_id: str, now: str) -> None:
        """It has become a rule."""
        one.status, one.promoted_at = "promoted", now
        self._note("promoted", one, reflection_id, now, "")

    def reject(self, one: Hypothesis, why: str, reflection_id: str, now: str) -> None:
        """It is given up, and is not proposed again."""
        one.status, one.rejected_at, one.rejected_because = "rejected", now, why
        self._note("rejected", one, reflection_id, now, why)

    def review(
        self,
        seen: Sequence[tuple[Verdict, Sequence[Fact]]],
        cycle: int,
        reflection_id: str,
        now: str,
    ) -> None:
        """Give up candidates that labels refute, and those that nothing has named for long.

        `seen` are labels and facts of the tickets so far. A candidate that states a rule is
        refuted once it holds for as many tickets as would make it a rule and more of their labels
        contradict it than not.
        """
        for one in self.candidates():
            rule = parse_rule(one.text)
            if rule is not None:
                effect: Verdict = "fail" if rule.effect == "fail" else "pass"
                held = [label for label, facts in seen if rule.holds(facts)]
                against = sum(label != effect for label in held)
                if len(held) >= self._config.min_unique_ticket_keys and 2 * against > len(held):
                    self.reject(one, FALSIFIED, reflection_id, now)
                    continue
            if cycle - one.last_cycle >= self._config.max_idle_cycles:
                self.reject(one, IDLE, reflection_id, now)

    def removed(self, texts: Iterable[str], reflection_id: str, now: str) -> None:
        """Rules that did badly were removed: what was promoted to them is given up."""
        for text in texts:
            one = self._known.get(signature(text))
            if one is not None and one.status == "promoted":
                self.reject(one, DROPPED, reflection_id, now)

    def take_events(self) -> tuple[HypothesisEventRow, ...]:
        """What happened since the last call."""
        out, self._events = tuple(self._events), []
        return out

    def to_json(self) -> dict[str, Any]:
        """hypotheses.json: by signature."""
        return {key: one.to_json() for key, one in self._known.items()}

    def _note(self, event: str, one: Hypothesis, reflection_id: str, now: str, why: str) -> None:
        self._events.append(
            HypothesisEventRow(
                timestamp=now,
                event=event,
                signature=one.signature,
                text=one.text,
                falsifier=one.falsifier,
                reflection_id=reflection_id,
                support_cycles=len(one.support_cycle_ids),
                support_ticket_keys=list(one.support_ticket_keys),
                reason=why,
            )
        )
