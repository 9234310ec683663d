"""A language model proposes changes of guidance, from tickets that were judged wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from mlcore.chat.messages import Turn
from mlcore.contract.domains import Domain
from mlcore.coordjson.pieces import Piece
from mlcore.stage_b.backends.protocol import Backend, Question
from mlcore.stage_b.clean import clean_summary
from mlcore.stage_b.decide import Decided
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.guidance.operations import Operation
from mlcore.stage_b.reflection.checks import MOST_TEXT
from mlcore.stage_b.reflection.model import MODEL, operation_of
from mlcore.stage_b.reflection.prompts import ticket_names, tokens_of
from mlcore.stage_b.reflection.sift import sift_operations
from mlcore.stage_b.replies.extract import ReplyError, read_reply
from mlcore.stage_b.replies.schemas import MOST_ANALYSIS, OpsReply
from mlcore.stage_b.search.config import ModelProposerConfig
from mlcore.stage_b.ticket import Decode
from mlcore.stage_b.verdict.contract import WORDS

_ASKED = (
    "你改进施工验收的判定规则。下面的工单都判错了，参考结论是对的。"
    "提出可以推广的改动：新增、改写、合并或删除规则。"
    "每条改动会在另外的工单上检验，只有真的减少错误才会采用。"
    f"规则写成“若…，则判通过/不通过。”，不超过 {MOST_TEXT} 字；"
    "不写站点名、型号、编号、图号，不抄汇总，不回避结论，不违背不变规则。"
    "evidence 只写下面的 ticket_key。\n"
    "只输出一个 JSON 对象，没有别的文字：\n"
    '{"has_evidence": true, "evidence_analysis": "…", "operations": [{"op": '
    '"add|update|delete|merge", "key": "G1", "merged_from": [], "text": "…", '
    '"rationale": "…", "evidence": ["ticket_key"]}]}\n'
    f"evidence_analysis 不超过 {MOST_ANALYSIS} 字。"
)


class ModelProposer:
    """`warn` hears (code, message) of an answer that cannot be read: then nothing is proposed."""

    name = MODEL

    def __init__(
        self,
        config: ModelProposerConfig,
        backend: Backend,
        domain: Domain,
        warn: Callable[[str, str], object],
    ) -> None:
        self._config, self._backend, self._domain, self._warn = config, backend, domain, warn
        self._asked = 0
        self._decode = Decode(
            config.temperature, config.top_p, config.max_new_tokens, config.repetition_penalty
        )

    def propose(self, judged: Sequence[Decided], guidance: Guidance, most: int) -> list[Operation]:
        shown = self._shown(judged, guidance)
        if not shown:
            return []
        turns = proposal_turns(shown, guidance, self._domain, most)
        # The same tickets may be asked about again: each time it is another draw.
        question = Question(f"{guidance.mission}/proposal", turns, self._asked)
        self._asked += 1
        (reply,) = self._backend.answer([question], self._decode)
        try:
            if reply.text is None:
                raise ReplyError(reply.problem)
            made = read_reply(reply.text, OpsReply)
        except ReplyError as error:
            self._warn("proposal_unread", error.message)
            return []
        names = ticket_names([one.ticket.ticket_key for one in shown])
        operations = [operation_of(one, names) for one in made.operations if one.op != "none"]
        sifted = sift_operations(operations, [one.ticket for one in shown], guidance, most)
        return [one.operation for one in sifted if not one.refused]

    def _shown(self, judged: Sequence[Decided], guidance: Guidance) -> list[Decided]:
        """Wrongly judged tickets, the surest votes first, as far as they fit."""
        wrong = [one for one in judged if one.label_match is False]
        wrong.sort(key=lambda one: (-_strength(one), one.ticket.ticket_key))
        turns = proposal_turns([], guidance, self._domain, 1)
        room = self._config.token_budget - sum(tokens_of(turn.text) for turn in turns)
        shown: list[Decided] = []
        for one in wrong[: self._config.tickets]:
            room -= tokens_of("\n".join(_lines(99, one, self._domain))) + 2
            if room < 0:
                break
            shown.append(one)
        return shown


def proposal_turns(
    shown: Sequence[Decided], guidance: Guidance, domain: Domain, most: int
) -> tuple[Turn, ...]:
    """Asks for up to `most` operations. Labels are shown: none of these tickets is judged here."""
    rules = {**guidance.scaffold, **guidance.learnt}
    lines = [
        f"检查项：{guidance.mission}",
        f"检查要点（G0）：{guidance.checklist}",
        "规则（S 开头的只读）：",
        *(f"{key}. {text}" for key, text in rules.items()),
        f"最多提 {most} 条改动。",
    ]
    for number, one in enumerate(shown, start=1):
        lines += ["", *_lines(number, one, domain)]
    return (_turn("system", _ASKED), _turn("user", "\n".join(lines)))


def _lines(number: int, one: Decided, domain: Domain) -> list[str]:
    evidence = one.ticket.evidence
    assert one.verdict is not None
    return [
        f"第{number}组 ticket_key={one.ticket.ticket_key}",
        f"参考结论：{WORDS[one.ticket.label]}；判成：{WORDS[one.verdict]}；"
        f"票数比例：{_strength(one):.2f}；理由：{one.reason}",
        *(
            f"Image{i}: {clean_summary(text, domain)}"
            for i, text in enumerate(evidence.summaries, start=1)
        ),
    ]


def _strength(one: Decided) -> float:
    return one.selection.vote_strength if one.selection else 0.0


def _turn(role: Literal["system", "user"], text: str) -> Turn:
    return Turn(role, (Piece("text", text),))
