"""The reflection without a language model: suspects of labels, and rules mined from facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlcore.stage_b.guidance.operations import Operation
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.mining import MINER, Case, Finding, Thresholds, case_of, mine
from mlcore.stage_b.reflection.hypotheses import Guess
from mlcore.stage_b.reflection.meeting import Decision, Meeting, Proposal, key_of
from mlcore.stage_b.search.config import MinerConfig
from mlcore.stage_b.suspects import label_suspects

_GUESSED = 2
"""tickets that a hypothesis must turn to their label"""
_MOST_GUESSES = 3
_FALSIFIER = {
    "fail": "有同样情况的工单多数被判通过",
    "ignore": "只有这种情况的工单多数被判不通过",
}


class MinerReflector:
    """Deterministic. It looks at all tickets of the meeting, but names only records as evidence."""

    name = MINER

    def __init__(self, config: MinerConfig) -> None:
        self._limits = Thresholds(config.support, config.precision, pairs=config.pairs)
        self._guesses = Thresholds(_GUESSED, config.precision, 0.0, pairs=False)

    def weights(self, meeting: Meeting) -> tuple[int, list[int]]:
        return 0, [0] * len(meeting.records)

    def decide(self, meeting: Meeting) -> Decision:
        keys = set(meeting.keys)
        rows = [row for row in label_suspects(_everybody(meeting)) if row.ticket_key in keys]
        notes = {row.ticket_key: f"{row.reason_code}: {row.uncertainty_note}" for row in rows}
        return Decision(notes, f"{MINER}: {len(notes)} of {len(keys)} labels are in doubt")

    def propose(self, meeting: Meeting) -> Proposal:
        records = set(meeting.keys)
        made = (case_of(one.decided) for one in _everybody(meeting))
        cases = [case for case in made if case is not None]
        labels = [case.label for case in cases]
        told = min(labels.count("pass"), labels.count("fail")) >= self._limits.support
        # Among tickets of one label everything that they have in common looks like its cause.
        found = mine(cases, meeting.most, self._limits) if told else []
        operations = [
            Operation("add", text=f.text, rationale=_counts(f), evidence=evidence)
            for f in found
            if (evidence := _among(f.helped, records))
        ]
        operations += self._deletions(meeting, records)
        settled = tuple(key for key, d in meeting.decided.items() if d.label_match)
        if settled:
            words = f"{MINER}: judged as labelled already"
            operations.append(Operation("none", rationale=words, evidence=settled))
        guesses = self._guessed(_without(cases, found), records) if told else []
        words = f"{MINER}: {len(found)} rules, {len(guesses)} hypotheses from {len(cases)} tickets"
        return Proposal(words, tuple(operations), tuple(guesses))

    def _deletions(self, meeting: Meeting, records: set[str]) -> Iterator[Operation]:
        """Learnt rules that alone fail tickets which the vote would pass, and mostly wrongly."""
        alone: dict[str, list[Judged]] = {}
        for one in _everybody(meeting):
            selection, hits = one.decided.selection, one.decided.guard.relevant
            causes = {hit.by for hit in hits}
            if selection is None or selection.verdict == "fail" or len(causes) != 1:
                continue
            if all(hit.source == "rule" for hit in hits):
                alone.setdefault(causes.pop(), []).append(one)
        for key in sorted(alone.keys() & meeting.guidance.learnt.keys()):
            wrong = tuple(key_of(o) for o in alone[key] if o.decided.ticket.label == "pass")
            enough = len(wrong) >= max(
                self._limits.support, self._limits.precision * len(alone[key])
            )
            if enough and (evidence := _among(wrong, records)):
                words = f"{MINER}: {len(wrong)}:{len(alone[key]) - len(wrong)}"
                yield Operation("delete", key, rationale=words, evidence=evidence)

    def _guessed(self, cases: Sequence[Case], records: set[str]) -> list[Guess]:
        return [
            Guess(f.text, f"{MINER}: {_FALSIFIER[f.rule.effect]}", evidence, MINER)
            for f in mine(cases, _MOST_GUESSES, self._guesses)
            if (evidence := _among(f.helped, records))
        ]


def _everybody(meeting: Meeting) -> list[Judged]:
    """Each ticket once, those seen besides first."""
    by_key = {key_of(one): one for one in (*meeting.seen, *meeting.records)}
    return list(by_key.values())


def _without(cases: Sequence[Case], found: Sequence[Finding]) -> list[Case]:
    turned = {key for one in found for key in (*one.helped, *one.harmed)}
    return [case for case in cases if case.key not in turned]


def _among(keys: Sequence[str], records: set[str]) -> tuple[str, ...]:
    return tuple(key for key in keys if key in records)


def _counts(found: Finding) -> str:
    return f"{MINER}: {len(found.helped)}:{len(found.harmed)}"
