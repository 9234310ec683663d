"""What a model is asked for about guidance. Unknown keys are refused; texts are bounded again,
more narrowly and one by one, where they are used."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mlcore.config.base import StrictModel

TicketName = Annotated[str, StringConstraints(max_length=200)]
Loose = Annotated[str, StringConstraints(max_length=2000)]
MOST_DECISION, MOST_ANALYSIS = 200, 120
"""characters of the two analyses"""


class DecisionReply(StrictModel):
    """Which tickets no evidence explains, once their label is known."""

    no_evidence_group_ids: list[TicketName] = Field(max_length=1000)
    decision_analysis: str = Field(max_length=MOST_DECISION)


class OperationReply(StrictModel):
    """One change of guidance."""

    op: Literal["add", "update", "delete", "merge", "none"]
    key: Loose | None = None
    merged_from: list[TicketName] | None = Field(default=None, max_length=100)
    text: Loose | None = None
    rationale: Loose | None = None
    evidence: list[TicketName] = Field(default_factory=list, max_length=1000)


class HypothesisReply(StrictModel):
    """A rule that is not sure yet, with what would refute it."""

    text: Loose
    falsifier: Loose
    evidence: list[TicketName] = Field(max_length=1000)
    dimension: Loose | None = None


class CoverageReply(StrictModel):
    """What the model believes to have covered. Counted again from the evidence, never trusted."""

    learnable_ticket_keys: list[TicketName] = Field(default_factory=list, max_length=1000)
    covered_ticket_keys: list[TicketName] = Field(default_factory=list, max_length=1000)
    uncovered_ticket_keys: list[TicketName] = Field(default_factory=list, max_length=1000)


class OpsReply(StrictModel):
    """What is to be learnt from a batch."""

    has_evidence: bool
    evidence_analysis: str = Field(max_length=MOST_ANALYSIS)
    operations: list[OperationReply] = Field(max_length=64)
    hypotheses: list[HypothesisReply] = Field(default_factory=list, max_length=64)
    coverage: CoverageReply | None = None
