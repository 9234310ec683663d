"""Who proposes changes of guidance, from tickets that were judged wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mlcore.stage_b.decide import Decided
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.guidance.operations import Operation
from mlcore.stage_b.mining import MINER, Thresholds, case_of, mine
from mlcore.stage_b.search.config import MinerConfig

MOST_EVIDENCE = 20
"""tickets that an operation names as its evidence"""


class Proposer(Protocol):
    """`name` is written beside everything that it proposes."""

    name: str

    def propose(self, judged: Sequence[Decided], guidance: Guidance, most: int) -> list[Operation]:
        """Up to `most` operations, the most promising first."""
        ...


class Miner:
    """Proposes rules over facts; deterministic, no language model."""

    name = MINER

    def __init__(self, config: MinerConfig) -> None:
        self._limits = Thresholds(config.support, config.precision, pairs=config.pairs)

    def propose(self, judged: Sequence[Decided], guidance: Guidance, most: int) -> list[Operation]:
        cases = [case for one in judged if (case := case_of(one)) is not None]
        known = set(guidance.experiences.values())
        found = [f for f in mine(cases, most, self._limits) if f.text not in known]
        return [
            Operation(
                "add",
                text=finding.text,
                rationale=f"{MINER}: {len(finding.helped)}:{len(finding.harmed)}",
                evidence=finding.helped[:MOST_EVIDENCE],
            )
            for finding in found
        ]
