"""What a check found, and what all of them mean for the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mlcore.preflight.config import CheckId

Verdict = Literal["PASS", "WARN", "BLOCK", "SKIPPED"]
SCHEMA = "preflight/1"
_ORDER: tuple[Verdict, ...] = ("BLOCK", "WARN", "PASS")


@dataclass(frozen=True)
class Result:
    """One check: what was measured, in a sentence and in numbers, and what to do about it.

    SKIPPED says that it was not looked at, and why.
    """

    id: CheckId
    verdict: Verdict
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)
    hint: str = ""


@dataclass(frozen=True)
class Preflight:
    """Every result, in the order of the checks, and the names that the config accepts."""

    results: Sequence[Result]
    accept: Sequence[str] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of them."""
        found = {result.verdict for result in self.results}
        return next((verdict for verdict in _ORDER if verdict in found), "PASS")

    @property
    def stopping(self) -> list[Result]:
        """What stops the run: every BLOCK, and each WARN that nobody accepted by name."""
        return [
            r
            for r in self.results
            if r.verdict == "BLOCK" or (r.verdict == "WARN" and r.id not in self.accept)
        ]

    @property
    def idle(self) -> list[str]:
        """Accepted names that no WARN needed."""
        warned = {r.id for r in self.results if r.verdict == "WARN"}
        return [name for name in self.accept if name not in warned]

    def to_json(self) -> dict[str, Any]:
        """As it is stored with the run."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "checks": [
                {
                    "id": r.id,
                    "verdict": r.verdict,
                    "accepted": r.verdict == "WARN" and r.id in self.accept,
                    "message": r.message,
                    "figures": dict(r.figures),
                    "hint": r.hint,
                }
                for r in self.results
            ],
            "unused_overrides": self.idle,
        }
