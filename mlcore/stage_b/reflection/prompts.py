"""What a language model is asked when it reflects. Labels are shown here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mlcore.chat.messages import Turn
from mlcore.contract.domains import Domain
from mlcore.coordjson.pieces import Piece
from mlcore.stage_b.clean import clean_summary
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.reflection.checks import MOST_FALSIFIER, MOST_RATIONALE, MOST_TEXT
from mlcore.stage_b.reflection.meeting import Meeting, votes
from mlcore.stage_b.replies.schemas import MOST_ANALYSIS, MOST_DECISION
from mlcore.stage_b.verdict.contract import WORDS, Spoken

_ROLE = "你整理施工验收的判定经验。输入是已判定的工单：各图的文字汇总、候选结论和参考结论。"
_DECISION = (
    "参考结论是对的，不要怀疑它，也不要怪输入。先从两三个可以被推翻的方向找解释："
    "全景与近景谁为准、要点之间是“都要”还是“任一”、数量与频次、关键证据缺失。"
    "只有各图的汇总里确实没有任何东西能解释参考结论的工单才列出。\n"
    "只输出一个 JSON 对象，没有别的文字：\n"
    '{"no_evidence_group_ids": ["ticket_key", …], "decision_analysis": "…"}\n'
    f"decision_analysis 不超过 {MOST_DECISION} 字。没有这样的工单就给空列表。"
)
_OPS = (
    "从这些工单学可以推广的规则，写成“若…，则判通过/不通过。”。先改写或合并已有规则，"
    "一次最多新增一条，并在 rationale 里写明它和已有规则的区别。"
    "不写站点名、型号、编号、图号、“×”“备注:”“标签/”，不抄汇总；"
    "结论只有通过和不通过，不用双重否定，不写“复核”“佐证”“进一步确认”等回避的词；不违背不变规则。\n"
    "还不确定的规律写成 hypotheses，并写明什么情况能推翻它。每个工单都应出现在某条 evidence 里；"
    "现有规则已经足够的工单放进 op 为 none 的 evidence。evidence 只写本批的 ticket_key。\n"
    "只输出一个 JSON 对象，没有别的文字：\n"
    '{"has_evidence": true, "evidence_analysis": "…", '
    '"operations": [{"op": "add|update|delete|merge|none", "key": "G1", "merged_from": [], '
    '"text": "…", "rationale": "…", "evidence": ["ticket_key"]}], '
    '"hypotheses": [{"text": "…", "falsifier": "…", "evidence": ["ticket_key"], '
    '"dimension": "…"}]}\n'
    f"evidence_analysis 不超过 {MOST_ANALYSIS} 字，text 不超过 {MOST_TEXT} 字，"
    f"rationale 不超过 {MOST_RATIONALE} 字，falsifier 不超过 {MOST_FALSIFIER} 字。"
)


def decision_turns(meeting: Meeting, domain: Domain) -> tuple[Turn, ...]:
    """Asks which records no evidence explains."""
    return (_turn("system", f"{_ROLE}\n{_DECISION}"), _turn("user", _user(meeting, domain)))


def ops_turns(meeting: Meeting, domain: Domain) -> tuple[Turn, ...]:
    """Asks what the records teach."""
    return (_turn("system", f"{_ROLE}\n{_OPS}"), _turn("user", _user(meeting, domain)))


def record_lines(number: int, one: Judged, domain: Domain) -> list[str]:
    """One record as it is shown. `number` counts from 1."""
    decided = one.decided
    ticket, evidence = decided.ticket, decided.ticket.evidence
    said = votes(one)
    verdict = WORDS[decided.verdict] if decided.verdict else "无"
    widest = max(evidence.facts, key=lambda image: (image.objects, -image.image))
    lines = [
        f"第{number}组 ticket_key={ticket.ticket_key}",
        f"参考结论：{WORDS[ticket.label]}；当前结论：{verdict}；"
        f"候选：通过 {said.count('pass')}，不通过 {said.count('fail')}；"
        f"对象最多：图{widest.image}",
    ]
    for image, text in zip(evidence.facts, evidence.summaries, strict=True):
        shown = clean_summary(text, domain)
        lines.append(f"Image{image.image}（{image.objects} 个对象）: {shown}")
    for candidate in one.rolled.candidates:
        if isinstance(candidate.said, Spoken):
            mark = "✓" if candidate.said.verdict == ticket.label else "✗"
            lines.append(f"候选 {mark} {WORDS[candidate.said.verdict]}: {candidate.said.reason}")
    return lines


def tokens_of(text: str) -> int:
    """An estimate on the high side: one for each character beyond ASCII, one for three others."""
    wide = sum(ord(sign) > 127 for sign in text)
    return wide + (len(text) - wide + 2) // 3


def _user(meeting: Meeting, domain: Domain) -> str:
    guidance, records = meeting.guidance, meeting.records
    labels = [one.decided.ticket.label for one in records]
    agree = sum(bool(one.decided.label_match) for one in records)
    lines = [
        f"检查项：{guidance.mission}",
        f"检查要点（G0）：{guidance.checklist}",
        *_block("不变规则（只读）", guidance.scaffold),
        *_block("经验规则", guidance.learnt),
        *_block("待证的假设", {f"H{i}": h.text for i, h in enumerate(meeting.hypotheses, 1)}),
        f"第 {meeting.cycle} 次整理，规则第 {guidance.step} 版；本批 {len(records)} 个工单，"
        f"参考结论通过 {labels.count('pass')}、不通过 {labels.count('fail')}，"
        f"当前结论与参考一致 {agree}。",
    ]
    for number, one in enumerate(records, start=1):
        lines += ["", *record_lines(number, one, domain)]
    return "\n".join(lines)


def _block(title: str, texts: dict[str, str]) -> list[str]:
    return [f"{title}：", *(f"{key}. {text}" for key, text in texts.items())] if texts else []


def _turn(role: Literal["system", "user"], text: str) -> Turn:
    return Turn(role, (Piece("text", text),))


def ticket_names(keys: Sequence[str]) -> dict[str, str]:
    """Every name under which an answer may speak of the tickets of a prompt, and its key."""
    names: dict[str, str] = {}
    for number, key in enumerate(keys, start=1):
        names |= {f"第{number}组": key, key: key}
    return names
