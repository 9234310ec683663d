"""Which metrics of a run share a chart: what has the same unit and is read together.

Metrics that one declaration with a hole stands for (`train/loss/{dataset}`) are lines of one chart;
so are the parts of a whole. All others have a chart of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from mlcore.metrics import UndeclaredMetricError, find

SECTIONS = {
    "train": gettext_noop("Training"), "eval": gettext_noop("Held-out images"),
    "time": gettext_noop("Time"), "memory": gettext_noop("Memory"),
    "data": gettext_noop("Samples"), "augment": gettext_noop("Augmentation"),
    "pack": gettext_noop("Rows"),
}  # fmt: skip
_LOSSES = ("loss_text", "loss_coord", "sft_loss", "llm_kd_loss", "vision_kd_loss")
_TASKS = ("loss_dense", "loss_summary")
_PHASES = ("data_s", "forward_s", "backward_s", "sync_s", "optimizer_s")
PARTS: Mapping[tuple[str, ...], str] = {
    tuple(f"{head}/{name}" for name in names): title
    for head in ("train", "eval")
    for names, title in (
        (_LOSSES, gettext_noop("loss by part")),
        (_TASKS, gettext_noop("loss by task")),
    )
} | {tuple(f"time/{name}" for name in _PHASES): gettext_noop("a step, by what it waits for")}
"""names of parts of one whole -> the chart's title"""
STACKED = ("time/",)
"""parts whose sum is the whole: areas on top of each other"""
HOLES = {
    "loss/{dataset}": gettext_noop("loss by dataset"),
    "lr_{group}": gettext_noop("learning rates"),
    "{dataset}_{type}_token_acc": gettext_noop("token accuracy by type"),
    "{dataset}_token_acc": gettext_noop("token accuracy by dataset"),
    "loss_{term}": gettext_noop("loss by term"),
    "samples/{dataset}": gettext_noop("samples by dataset"),
    "parse_rate/{dataset}": gettext_noop("answers that parse, by dataset"),
    "f1_50/{dataset}": gettext_noop("F1 at IoU 0.5, by dataset"),
    "skipped/{reason}": gettext_noop("ops that could do nothing, by reason"),
}
"""declared names with a hole, without what stands before their first slash -> the title"""


@dataclass
class Chart:
    """One chart: its lines all have this unit."""

    title: str
    unit: str
    about: str = ""
    stacked: bool = False
    lines: list[dict[str, Any]] = field(default_factory=list)

    def add(self, key: str, label: str, last: float) -> None:
        color = len(self.lines) % 8 + 1
        self.lines.append({"key": key, "label": label, "last": last, "color": color})

    @property
    def keys(self) -> list[dict[str, str]]:
        """What the script asks for and how it names the lines."""
        return [{"key": line["key"], "label": line["label"]} for line in self.lines]


def sections(series: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    """(key, last value) of every metric as sections of charts, losses first."""
    found: dict[str, dict[str, Chart]] = {}
    for key, last in sorted(series, key=_place):
        head, slash, tail = key.partition("/")
        section = found.setdefault(head if slash else "", {})
        name, chart = _chart(key, tail or key)
        section.setdefault(name, chart).add(key, _label(key, tail or key), last)
    for charts in found.values():
        for chart in charts.values():
            if len(chart.lines) == 1:
                chart.title = chart.lines[0]["key"].partition("/")[2] or chart.title
    return [
        {"title": _(SECTIONS[head]) if head in SECTIONS else head, "charts": list(charts.values())}
        for head, charts in found.items()
    ]


def _place(item: tuple[str, float]) -> tuple[int, bool, str]:
    head = item[0].partition("/")[0]
    order: Sequence[str] = list(SECTIONS)
    return order.index(head) if head in order else len(order), "loss" not in item[0], item[0]


def _chart(key: str, tail: str) -> tuple[str, Chart]:
    """The chart that a metric is drawn on and how that is told from others."""
    try:
        metric = find(key)
    except UndeclaredMetricError:
        return key, Chart(tail, "")
    for names, title in PARTS.items():
        if key in names:
            return title, Chart(_(title), metric.unit, stacked=key.startswith(STACKED))
    if metric.fixed:
        return key, Chart(tail, metric.unit, metric.about)
    shape = metric.name.partition("/")[2]
    title = _(HOLES[shape]) if shape in HOLES else shape
    return metric.name, Chart(title, metric.unit, metric.about)


def _label(key: str, tail: str) -> str:
    """What a line is called beside the others of its chart: what fills the holes of its name."""
    try:
        metric = find(key)
    except UndeclaredMetricError:
        return tail
    if metric.fixed:
        return tail.removesuffix("_s") if key.startswith(STACKED) else tail
    filled = metric.pattern.fullmatch(key)
    assert filled is not None, key
    return " · ".join(filled.groups())
