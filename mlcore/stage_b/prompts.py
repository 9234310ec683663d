"""What a model is asked about a ticket. Made of evidence alone: a label cannot get in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from mlcore.chat.messages import Turn
from mlcore.contract.domains import Domain
from mlcore.coordjson.pieces import Piece
from mlcore.facts.words import TRIGGERS
from mlcore.stage_b.clean import clean_summary
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.points import point_lines
from mlcore.stage_b.ticket import Evidence
from mlcore.stage_b.verdict.contract import MOST_REASON

Style = Literal["full", "compact"]
STYLES: tuple[Style, ...] = ("full", "compact")

_ROLE = "你是通信站点施工验收的审核员。根据一组照片的文字汇总，对一个检查项判定通过或不通过。"
_ORDER = (
    "依据的次序：先遵守不变规则，再按检查要点逐条确认，最后用经验规则补充。"
    "规则之间都要满足，除非规则自己写明“或”或“例外”。同一组照片在别的检查项里结论可以不同。"
)
_HARD = (
    f"与检查要点有关的明确否定直接判不通过：{'、'.join(TRIGGERS)}，以及“不符合要求/”后写明的问题。"
)
_SOFT = (
    "“备注”必须读。“无法确认”“无法判断”“模糊”等只表示这张图看不清，不是否定；"
    "别的图看清了就以看清的为准。一个要点在所有图里都没有确认，判不通过。"
    "近景图的“部分”不能推翻全景图已确认的内容；任何一张图里的明确否定都算数。"
)
_OUTPUT = (
    "只输出两行，没有空行、第三行、JSON 或标记：\n"
    "Verdict: 通过 或 不通过\n"
    f"Reason: 一行理由，不超过 {MOST_REASON} 字，写成“Image1: …; Image2: …; 总结: …”；"
    "不出现“需复核”“证据不足”“待定”等第三种结论，不写规则的编号。"
)
_COMPACT_OUTPUT = "输出两行。Verdict: 通过或不通过。Reason: 一行理由。"
_FAMILY: dict[Domain, str] = {
    "bbu": "爱立信的 BBU 不需要挡风板；标签和品牌的文字照抄，不作判断依据。",
    "rru": "站点距离 相同的图片是同一个安装点，合起来看；不同的安装点各自都要满足。",
}


def verdict_turns(
    evidence: Evidence, guidance: Guidance, domain: Domain, style: Style = "full"
) -> tuple[Turn, ...]:
    """The turns before the answer. Rules are numbered afresh, so no key of guidance is seen."""
    clean = tuple(clean_summary(text, domain) for text in evidence.summaries)
    shown = replace(evidence, summaries=clean)
    if style == "compact":
        return (_turn("user", _compact(shown, guidance)),)
    return (_turn("system", _system(domain)), _turn("user", _user(shown, guidance, domain)))


def _system(domain: Domain) -> str:
    return "\n".join([_ROLE, _ORDER, _HARD, _SOFT, _FAMILY[domain], _OUTPUT])


def _user(evidence: Evidence, guidance: Guidance, domain: Domain) -> str:
    counts = " ".join(f"图{i.image}（{i.objects} 个对象）" for i in evidence.facts)
    points = point_lines(evidence.facts) if domain == "rru" else []
    lines = [
        f"检查项：{evidence.mission}",
        f"检查要点：{guidance.checklist}",
        *_block("不变规则", guidance.scaffold.values()),
        *_block("经验规则", guidance.learnt.values()),
        f"共 {len(evidence.images)} 张图：{counts}。对象最多的一张多半是全景。",
        *(["各安装点：", *points] if points else []),
        "各图的汇总：",
        *_summaries(evidence.summaries),
    ]
    return "\n".join(lines)


def _compact(evidence: Evidence, guidance: Guidance) -> str:
    """For models whose tokenizer knows little but summaries: the same content, few words."""
    rules = [*guidance.scaffold.values(), *guidance.learnt.values()]
    lines = [guidance.checklist, *rules, *_summaries(evidence.summaries), _COMPACT_OUTPUT]
    return "\n".join(lines)


def _block(title: str, texts: Iterable[str]) -> list[str]:
    rows = [f"{i}. {text}" for i, text in enumerate(texts, start=1)]
    return [f"{title}：", *rows] if rows else []


def _summaries(summaries: Sequence[str]) -> list[str]:
    return [f"Image{i}: {text}" for i, text in enumerate(summaries, start=1)]


def _turn(role: Literal["system", "user"], text: str) -> Turn:
    return Turn(role, (Piece("text", text),))
