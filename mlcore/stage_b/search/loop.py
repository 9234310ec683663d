"""The search: propose from one part, test on a second, apply the best, report on the third."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mlcore.run.events import EventWriter, utc_now
from mlcore.stage_b.decide import Decided
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.guidance.operations import Applied, Operation, apply_operations
from mlcore.stage_b.guidance.store import GuidanceStore
from mlcore.stage_b.rows import RuleCandidateRow
from mlcore.stage_b.search.config import RuleSearchConfig
from mlcore.stage_b.search.gate import Comparison, compare, refusals, removal_refusals
from mlcore.stage_b.search.paired import holm
from mlcore.stage_b.search.proposer import Proposer
from mlcore.stage_b.search.split import Parts
from mlcore.stage_b.ticket import Ticket

Judge = Callable[[Sequence[Ticket], Guidance], list[Decided]]
"""judges tickets by a guidance; the same tickets, guidance and seeds give the same outcomes"""


@dataclass(frozen=True)
class Tried:
    """One operation held against the gate. `applied` is the guidance as it would be."""

    operation: Operation
    applied: Applied
    comparison: Comparison
    adjusted_p: float
    refusals: tuple[str, ...]


@dataclass
class Searched:
    """What a search found. `rows` are lines of rule_candidates.jsonl, oldest first."""

    guidance: Guidance
    report: Comparison
    report_before: list[Decided]
    report_after: list[Decided]
    iterations: int
    rows: list[RuleCandidateRow] = field(default_factory=list)


class Search:
    """One search. `store` keeps every accepted step; what is refused is in the rows alone."""

    def __init__(
        self,
        config: RuleSearchConfig,
        judge: Judge,
        proposer: Proposer,
        store: GuidanceStore,
        events: EventWriter,
        check_stop: Callable[[], None],
    ) -> None:
        self._config, self._judge, self._proposer = config, judge, proposer
        self._store, self._events, self._check_stop = store, events, check_stop
        self._rows: list[RuleCandidateRow] = []
        self._refused: set[tuple[str, str]] = set()

    def run(self, parts: Parts, guidance: Guidance) -> Searched:
        """Search until patience or iterations end. The third part is judged twice, at the start
        guidance and the final one, and has no say in anything."""
        first, idle, iteration = guidance, 0, 0
        while iteration < self._config.iterations and idle < self._config.patience:
            iteration += 1
            after = self._step(parts, guidance, iteration)
            idle = idle + 1 if after is None else 0
            guidance = after or guidance
            self._events.progress(iteration, self._config.iterations, "iterations")
        if self._config.removals:
            guidance = self._without_useless(parts, guidance, first)
        before = self._judge(parts.report, first)
        judged = self._judge(parts.report, guidance)
        return Searched(guidance, compare(before, judged), before, judged, iteration, self._rows)

    def _step(self, parts: Parts, guidance: Guidance, iteration: int) -> Guidance | None:
        """One iteration; the guidance after the best accepted rule, None where none was."""
        self._check_stop()
        proposed = self._proposer.propose(
            self._judge(parts.propose, guidance), guidance, self._config.candidates
        )
        fresh = [op for op in proposed if (op.key, op.text) not in self._refused]
        applied = [
            (op, apply_operations(guidance, [op], now=utc_now(), reflection_id=_id(iteration)))
            for op in fresh
        ]
        changing = [(op, done) for op, done in applied if done.changes]
        if not changing:
            return None
        baseline = self._judge(parts.gate, guidance)
        compared = [
            (op, done, compare(baseline, self._judge(parts.gate, done.guidance)))
            for op, done in changing
        ]
        adjusted = holm([found.p for _, _, found in compared])
        tried = [
            Tried(op, done, found, p, tuple(refusals(found, p, self._config.gate)))
            for (op, done, found), p in zip(compared, adjusted, strict=True)
        ]
        self._refused |= {(t.operation.key, t.operation.text) for t in tried if t.refusals}
        best = max((t for t in tried if not t.refusals), key=_worth, default=None)
        self._note(tried, iteration, best)
        if best is None:
            return None
        after = best.applied.guidance
        self._store.advance(guidance, after, best.applied.changes, _id(iteration))
        return after

    def _without_useless(self, parts: Parts, guidance: Guidance, first: Guidance) -> Guidance:
        """Without the learnt rules that the gate part does as well without, newest first. Rules
        that the run began with are a person's and stay."""
        own = [key for key in guidance.learnt if key not in first.experiences]
        for key in reversed(own):
            self._check_stop()
            removal = Operation(
                "delete", key, rationale="no worse without", evidence=_sources(guidance, key)
            )
            done = apply_operations(
                guidance, [removal], now=utc_now(), reflection_id=f"remove-{key}"
            )
            if not done.changes:
                continue
            found = compare(
                self._judge(parts.gate, guidance), self._judge(parts.gate, done.guidance)
            )
            reasons = tuple(removal_refusals(found, self._config.gate))
            tried = Tried(removal, done, found, found.p, reasons)
            self._note([tried], 0, None if reasons else tried)
            if not reasons:
                self._store.advance(guidance, done.guidance, done.changes, f"remove-{key}")
                guidance = done.guidance
        return guidance

    def _note(self, tried: Sequence[Tried], iteration: int, applied: Tried | None) -> None:
        for one in tried:
            self._rows.append(
                RuleCandidateRow(
                    iteration=iteration,
                    proposer=self._proposer.name,
                    verb=one.operation.verb,
                    key=one.operation.key,
                    text=one.operation.text,
                    rationale=one.operation.rationale,
                    evidence=list(one.operation.evidence),
                    adjusted_p=one.adjusted_p,
                    accepted=not one.refusals,
                    applied=one is applied,
                    refusals=list(one.refusals),
                    **one.comparison.to_json(),
                )
            )


def _worth(tried: Tried) -> tuple[int, float]:
    """More tickets that turn right first, then the surer one."""
    return tried.comparison.flips.better - tried.comparison.flips.worse, -tried.adjusted_p


def _id(iteration: int) -> str:
    return f"search-{iteration:04d}"


def _sources(guidance: Guidance, key: str) -> tuple[str, ...]:
    meta = guidance.metadata.get(key)
    return meta.sources if meta and meta.sources else (key,)
