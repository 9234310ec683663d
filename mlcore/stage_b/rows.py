"""The lines of every artifact of Stage-B. `meta.json` names the version of all of them together.

Reading refuses unknown and missing keys, so a file of another version is told at once.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import StrictModel

SCHEMA = "stage_b/1"
VerdictName = Literal["pass", "fail"]


class DecodeRow(StrictModel):
    """How a candidate was sampled."""

    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int
    stop: list[str]


class TrajectoryResult(StrictModel):
    """One candidate, and what became of its ticket's vote."""

    candidate_index: int
    decode: DecodeRow
    text: str
    verdict: VerdictName | None
    reason: str | None
    format_ok: bool
    created_at: str
    warnings: list[str]
    label_match: bool | None
    vote_strength: float | None
    low_agreement: bool
    needs_manual_review: bool


class TrajectoryRow(StrictModel):
    """A line of trajectories.jsonl."""

    group_id: str
    mission: str
    reflection_cycle: int
    guidance_step: int
    result: TrajectoryResult
    epoch: int
    ticket_key: str
    gt_label: VerdictName


class SelectionResult(StrictModel):
    """The outcome of one ticket."""

    verdict: VerdictName
    reason: str
    vote_strength: float
    label_match: bool
    selected_candidate: int
    guidance_step: int
    reflection_change: str | None
    reflection_cycle: int
    manual_review_recommended: bool
    eligible: bool
    ineligible_reason: str | None
    warnings: list[str]
    conflict_flag: bool
    needs_manual_review: bool
    low_agreement: bool


class SelectionRow(StrictModel):
    """A line of selections.jsonl."""

    group_id: str
    mission: str
    result: SelectionResult
    epoch: int
    epoch_step: int
    global_step: int
    ticket_key: str
    gt_label: VerdictName


class MalformedRow(StrictModel):
    """A line of failure_malformed.jsonl. Never a matter for the review queue."""

    ticket_key: str
    group_id: str
    mission: str
    gt_label: VerdictName
    reason: str
    raw_text: str


class NeedReviewRow(StrictModel):
    """A line of need_review_queue.jsonl: a ticket whose label is in doubt."""

    ticket_key: str
    group_id: str
    mission: str
    gt_label: VerdictName
    pred_verdict: VerdictName | None
    pred_reason: str
    reason_code: str
    epoch: int
    reflection_cycle: int
    reflection_id: str
    uncertainty_note: str


class Rates(StrictModel):
    """Of one window. `fp`: passed against the label, `fn`: failed against it; no `acc` for n 0."""

    acc: float | None
    fn: int
    fp: int
    n: int


class MetricsRow(StrictModel):
    """A line of metrics.jsonl. The times are absent from `epoch_end`."""

    event: Literal["logging_steps", "epoch_end_partial", "epoch_end"]
    epoch: int
    epoch_step_start: int
    epoch_step_end: int
    global_step: int
    logging_steps: int
    elapsed_seconds: float | None = None
    groups_per_second: float | None = None
    eta_seconds_epoch: float | None = None
    eta_seconds_run: float | None = None
    exclude_manual_review: Rates
    include_manual_review: Rates


class ReportDeltaRow(StrictModel):
    """A line of group_report_delta.jsonl: one ticket of the window that has just ended."""

    logged_event: str
    logged_epoch: int
    logged_epoch_step: int
    logged_global_step: int
    logging_steps: int
    ticket_key: str
    group_id: str
    mission: str
    gt_label: VerdictName
    model_verdict: VerdictName | None
    in_manual_review: bool
    manual_reason: str | None
    selection: SelectionResult | None
    candidates: list[TrajectoryResult]
    guidance_step: int
    reflection_cycle: int
    last_reflection_id: str | None


class ReportRow(StrictModel):
    """A line of group_report.jsonl: all that is known of one ticket."""

    ticket_key: str
    group_id: str
    mission: str
    label: VerdictName
    selection: SelectionResult | None
    candidates: list[TrajectoryResult]
    need_review_queue: list[NeedReviewRow]
    reflection: list[str]


class DiagnosisRow(StrictModel):
    """A line of diagnostics.jsonl: figures about a candidate that know no label and select
    nothing."""

    group_id: str
    mission: str
    epoch: int
    candidate_index: int
    focus_consistency: float | None
    guidance_consistency: float | None
    rationale_quality: float
    grounded: float | None
    against_evidence: bool


class DistillMessage(StrictModel):
    """One turn."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class DistillRow(StrictModel):
    """A line of distill_chatml.jsonl."""

    ticket_key: str
    group_id: str
    mission: str
    label: VerdictName
    messages: list[DistillMessage]


class RuleCandidateRow(StrictModel):
    """A line of rule_candidates.jsonl: one change that was held against the gate, on the gate's
    part. `iteration` 0 is the removal of rules at the end; shares are [before, after]."""

    iteration: int
    proposer: str
    verb: str
    key: str
    text: str
    rationale: str
    evidence: list[str]
    adjusted_p: float
    accepted: bool
    applied: bool
    refusals: list[str]
    n: int
    better: int
    worse: int
    changed: int
    p: float
    relative_error_reduction: float | None
    loss_bound: float
    false_release: list[float | None]
    false_block: list[float | None]
    label_match: list[float | None]


class ProposedOperation(StrictModel):
    """One operation of a reflection. `refused` says why it was left out, empty where it was not."""

    op: str
    key: str
    merged_from: list[str]
    text: str
    rationale: str
    evidence: list[str]
    refused: str


class ProposedHypothesis(StrictModel):
    """One hypothesis of a reflection. `refused` as for an operation."""

    text: str
    falsifier: str
    dimension: str
    evidence: list[str]
    refused: str


class ReflectionProposal(StrictModel):
    """What a reflection came to: `summary` of the pass that decides, `critique` of the one that
    operates, `text` of both in one line."""

    action: Literal["refine", "noop"]
    summary: str
    critique: str
    text: str
    operations: list[ProposedOperation]
    hypotheses: list[ProposedHypothesis]
    evidence_group_ids: list[str]
    uncertainty_note: str
    no_evidence_group_ids: list[str]


class ReflectionResult(StrictModel):
    """One reflection. `eligible` is whether anything could be learnt from its tickets."""

    reflection_id: str
    mission: str
    proposal: ReflectionProposal
    eligible: bool
    applied: bool
    guidance_step_before: int
    guidance_step_after: int
    ineligible_reason: str | None
    warnings: list[str]
    debug_info: dict[str, str] | None = None


class ReflectionRow(StrictModel):
    """A line of reflection.jsonl."""

    epoch: int
    reflection: ReflectionResult


class HypothesisEventRow(StrictModel):
    """A line of hypothesis_events.jsonl. `reason` is why it was rejected."""

    timestamp: str
    event: str
    signature: str
    text: str
    falsifier: str
    reflection_id: str
    support_cycles: int
    support_ticket_keys: list[str]
    reason: str
