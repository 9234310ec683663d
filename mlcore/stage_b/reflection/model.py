"""The reflection of a language model, behind the same backends as verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlcore.chat.messages import Turn
from mlcore.contract.domains import Domain
from mlcore.stage_b.backends.protocol import Backend, Question
from mlcore.stage_b.guidance.operations import Operation
from mlcore.stage_b.reflection.checks import plain
from mlcore.stage_b.reflection.config import ModelReflectorConfig
from mlcore.stage_b.reflection.hypotheses import Guess
from mlcore.stage_b.reflection.meeting import Decision, Meeting, Proposal
from mlcore.stage_b.reflection.prompts import (
    decision_turns,
    ops_turns,
    record_lines,
    ticket_names,
    tokens_of,
)
from mlcore.stage_b.replies.extract import ReplyError, read_reply
from mlcore.stage_b.replies.schemas import DecisionReply, OperationReply, OpsReply
from mlcore.stage_b.ticket import Decode

MODEL = "model"


class ModelReflector:
    """Asks two questions in every meeting: which tickets cannot be explained, and what the others
    teach."""

    name = MODEL

    def __init__(self, config: ModelReflectorConfig, backend: Backend, domain: Domain) -> None:
        self._backend, self._domain = backend, domain
        self._decode = Decode(
            config.temperature, config.top_p, config.max_new_tokens, config.repetition_penalty
        )

    def weights(self, meeting: Meeting) -> tuple[int, list[int]]:
        empty = replace(meeting, records=())
        both = decision_turns(empty, self._domain), ops_turns(empty, self._domain)
        base = max(sum(tokens_of(turn.text) for turn in turns) for turns in both)
        blocks = [record_lines(i, one, self._domain) for i, one in enumerate(meeting.records, 1)]
        return base, [tokens_of("\n".join(["", *lines])) + 1 for lines in blocks]

    def decide(self, meeting: Meeting) -> Decision:
        turns = decision_turns(meeting, self._domain)
        reply = read_reply(self._said(meeting, "decision", turns), DecisionReply)
        named = known_keys(reply.no_evidence_group_ids, ticket_names(meeting.keys))
        analysis = plain(reply.decision_analysis)
        return Decision(dict.fromkeys(named, analysis), analysis)

    def propose(self, meeting: Meeting) -> Proposal:
        turns = ops_turns(meeting, self._domain)
        reply = read_reply(self._said(meeting, "operations", turns), OpsReply)
        names = ticket_names(meeting.keys)
        guesses = (
            Guess(
                plain(one.text),
                plain(one.falsifier),
                all_keys(one.evidence, names),
                plain(one.dimension),
            )
            for one in reply.hypotheses
        )
        return Proposal(
            plain(reply.evidence_analysis),
            tuple(operation_of(one, names) for one in reply.operations),
            tuple(guesses),
        )

    def _said(self, meeting: Meeting, part: str, turns: tuple[Turn, ...]) -> str:
        name = f"{meeting.guidance.mission}/reflection-{meeting.cycle}-{part}"
        (reply,) = self._backend.answer([Question(name, turns)], self._decode)
        if reply.text is None:
            raise ReplyError(reply.problem)
        return reply.text


def operation_of(reply: OperationReply, names: Mapping[str, str]) -> Operation:
    """The operation that a reply asks for; `names` maps what tickets are called to their keys."""
    return Operation(
        reply.op,
        key=plain(reply.key) if reply.op != "add" else "",
        text=plain(reply.text),
        rationale=plain(reply.rationale),
        evidence=all_keys(reply.evidence, names),
        merged_from=tuple(reply.merged_from or ()),
    )


def known_keys(said: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """The keys of tickets that are known by their name; others are passed over."""
    return list(dict.fromkeys(names[name] for name in map(str.strip, said) if name in names))


def all_keys(said: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of tickets, and names that are unknown as they were said."""
    return tuple(dict.fromkeys(names.get(name.strip(), name) for name in said))
