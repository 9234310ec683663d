"""Which of a ticket's candidates wins. Labels have no say here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlcore.stage_b.ticket import Decode, Verdict
from mlcore.stage_b.verdict.contract import Malformed, Spoken

Warning_ = Literal["tied_vote", "low_agreement", "rollout_contradiction"]


@dataclass(frozen=True)
class Candidate:
    """One sampled answer. `index` counts over the whole grid, decode after decode."""

    index: int
    decode: Decode
    text: str
    said: Spoken | Malformed


@dataclass(frozen=True)
class Policy:
    """`min_agreement`: a smaller share of the winning verdict is low agreement.
    `min_valid_share`: with a smaller share of well-formed candidates there is no verdict."""

    min_agreement: float = 0.8
    min_valid_share: float = 0.5


@dataclass(frozen=True)
class Selection:
    """The vote's outcome. `vote_strength` is the winner's share of the `valid` candidates."""

    verdict: Verdict
    reason: str
    candidate: int
    vote_strength: float
    valid: int
    total: int
    warnings: tuple[Warning_, ...] = ()

    @property
    def low_agreement(self) -> bool:
        return "low_agreement" in self.warnings


@dataclass(frozen=True)
class NoVerdict:
    """Why a ticket has none. `codes` counts what was wrong with its candidates."""

    reason: Literal["no_candidates", "format_error", "no_valid_candidates"]
    detail: str
    codes: dict[str, int] = field(default_factory=dict)


def select(candidates: Sequence[Candidate], policy: Policy) -> Selection | NoVerdict:
    """The majority among well-formed candidates; a tie fails. Of the winner's candidates the one
    with the lowest temperature speaks, then the first."""
    if not candidates:
        return NoVerdict("no_candidates", "no candidate was made")
    pool = [(c, c.said) for c in candidates if isinstance(c.said, Spoken)]
    if len(pool) < needed(len(candidates), policy):
        return _malformed(candidates, len(pool))
    fails = sum(said.verdict == "fail" for _, said in pool)
    passes = len(pool) - fails
    verdict: Verdict = "pass" if passes > fails else "fail"
    winners = [(c, said) for c, said in pool if said.verdict == verdict]
    chosen, said = min(winners, key=lambda pair: (pair[0].decode.temperature, pair[0].index))
    strength = len(winners) / len(pool)
    warnings: list[Warning_] = []
    if passes == fails:
        warnings.append("tied_vote")
    if strength < policy.min_agreement:
        warnings.append("low_agreement")
    if passes and fails:
        warnings.append("rollout_contradiction")
    return Selection(
        verdict, said.reason, chosen.index, strength, len(pool), len(candidates), tuple(warnings)
    )


def needed(total: int, policy: Policy) -> int:
    """How many of `total` candidates must be well-formed; at least one."""
    return max(1, math.ceil(policy.min_valid_share * total))


def is_decided(candidates: Sequence[Candidate], total: int, policy: Policy) -> bool:
    """Whether the candidates still to come, `total` in all, can change neither the verdict nor
    that there is one."""
    said = [c.said.verdict for c in candidates if isinstance(c.said, Spoken)]
    if len(said) < needed(total, policy):
        return False
    left = total - len(candidates)
    passes, fails = said.count("pass"), said.count("fail")
    return passes > fails + left or fails >= passes + left


def _malformed(candidates: Sequence[Candidate], valid: int) -> NoVerdict:
    codes: dict[str, int] = {}
    for candidate in candidates:
        if isinstance(candidate.said, Malformed):
            codes[candidate.said.code] = codes.get(candidate.said.code, 0) + 1
    detail = f"{valid} of {len(candidates)} candidates are well-formed"
    return NoVerdict("format_error" if valid else "no_valid_candidates", detail, codes)
