"""The config of a gate."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import EvaluationRef, JobConfig, VerdictsRef


class GateConfig(JobConfig):
    """Hold one evaluation, or the verdicts of one run, against one policy."""

    kind: Literal["gate"]
    """the job kind"""
    policy: str = Field(min_length=1)
    """the name of a shipped policy (`demo` for evaluations, `demo-verdicts` for verdicts), or the
    path of a policy file (ends in .yaml)"""
    evaluation: EvaluationRef | None = None
    """the evaluation that must prove every check of the policy"""
    verdicts: VerdictsRef | None = None
    """the verdicts that must, instead of an evaluation"""
    released: VerdictsRef | None = None
    """the verdicts that are in use: those that are judged are compared with them, ticket by ticket,
    and checks of `comparison` can be proven"""

    @model_validator(mode="after")
    def _one_evidence(self) -> Self:
        if (self.evaluation is None) == (self.verdicts is None):
            raise ValueError("a gate judges an evaluation or verdicts: name one of the two")
        if self.released is not None and self.verdicts is None:
            raise ValueError("released: only verdicts are compared with released ones")
        if self.released is not None and self.released == self.verdicts:
            raise ValueError("released: verdicts compared with themselves prove nothing")
        return self

    @property
    def evidence(self) -> str:
        """What is judged."""
        found = self.evaluation or self.verdicts
        assert found is not None
        return found
