"""What is kept of one reflection: a line of reflection.jsonl."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlcore.stage_b.guidance.operations import Applied
from mlcore.stage_b.reflection.meeting import Decision, Meeting, Proposal
from mlcore.stage_b.reflection.sift import SiftedGuess, SiftedOperation
from mlcore.stage_b.rows import (
    ProposedHypothesis,
    ProposedOperation,
    ReflectionProposal,
    ReflectionResult,
    ReflectionRow,
)


@dataclass
class Minutes:
    """Filled as the meeting goes on. `meeting` is of all its records; `learnable` are keys of
    those that the second pass was about."""

    meeting: Meeting
    epoch: int
    decision: Decision | None = None
    learnable: list[str] = field(default_factory=list)
    proposal: Proposal | None = None
    operations: list[SiftedOperation] = field(default_factory=list)
    guesses: list[SiftedGuess] = field(default_factory=list)
    applied: Applied | None = None
    warnings: list[str] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[int, int]:
        """Of the guidance, before and after."""
        before = self.meeting.guidance.step
        return before, self.applied.guidance.step if self.applied else before

    @property
    def changed(self) -> bool:
        return self.applied is not None and bool(self.applied.changes)

    def evidence(self) -> set[str]:
        """E: tickets that an operation covers. `none` covers those that are judged as labelled."""
        refused = {id(one.operation) for one in self.applied.refused} if self.applied else set()
        decided = self.meeting.decided
        out: set[str] = set()
        for one in self.operations:
            if one.refused or id(one.operation) in refused:
                continue
            keys = one.operation.evidence
            if one.operation.verb == "none":
                keys = tuple(key for key in keys if decided[key].label_match)
            out.update(keys)
        return out

    def hypothesis_evidence(self) -> set[str]:
        """H: tickets that a hypothesis covers."""
        return {key for one in self.guesses if not one.refused for key in one.guess.evidence}

    def row(self) -> ReflectionRow:
        """The line."""
        before, after = self.steps
        decision, proposal = self.decision, self.proposal
        summary = decision.analysis if decision else ""
        critique = proposal.analysis if proposal else ""
        unexplained = sorted(decision.no_evidence) if decision else []
        covered = sorted(self.evidence() | self.hypothesis_evidence())
        why = None if self.learnable else "no_learnable_ticket" if decision else "decision_error"
        return ReflectionRow(
            epoch=self.epoch,
            reflection=ReflectionResult(
                reflection_id=self.meeting.reflection_id,
                mission=self.meeting.guidance.mission,
                proposal=ReflectionProposal(
                    action="refine" if self.changed else "noop",
                    summary=summary,
                    critique=critique,
                    text="; ".join(part for part in (summary, critique) if part),
                    operations=[_operation(one, self.applied) for one in self.operations],
                    hypotheses=[_hypothesis(one) for one in self.guesses],
                    evidence_group_ids=covered,
                    uncertainty_note=summary if unexplained else "",
                    no_evidence_group_ids=unexplained,
                ),
                eligible=bool(self.learnable),
                applied=self.changed,
                guidance_step_before=before,
                guidance_step_after=after,
                ineligible_reason=why,
                warnings=self.warnings,
                debug_info=self.troubles or None,
            ),
        )


def _operation(one: SiftedOperation, applied: Applied | None) -> ProposedOperation:
    asked = one.operation
    later = {id(r.operation): r.reason for r in applied.refused} if applied else {}
    return ProposedOperation(
        op=asked.verb,
        key=asked.key,
        merged_from=list(asked.merged_from),
        text=asked.text,
        rationale=asked.rationale,
        evidence=list(asked.evidence),
        refused=one.refused or later.get(id(asked), ""),
    )


def _hypothesis(one: SiftedGuess) -> ProposedHypothesis:
    return ProposedHypothesis(
        text=one.guess.text,
        falsifier=one.guess.falsifier,
        dimension=one.guess.dimension,
        evidence=list(one.guess.evidence),
        refused=one.refused,
    )
