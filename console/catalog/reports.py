"""What a quality report and the index say about a version: verdicts, prevalence, histograms."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.catalog.browse import VersionIndex, index_of
from console.catalog.index_build import ANY
from console.catalog.models import (
    DatasetFacet,
    DatasetGroup,
    DatasetRecord,
    DatasetReject,
    DatasetVersion,
)
from console.web.formats import count, percent
from mlcore.contract.rules import RULES

Kind = DatasetFacet.Kind
REPORT_SCHEMA = "dataset_report/2"
MANY_REJECTS = 0.01
"""share of the lines; the default at which an import stops"""
FEW_OBJECTS = 20
"""a class with fewer says little when it is scored"""
SIDE_EDGES = (256, 512, 768, 1024, 1536, 2048, 4096)
OBJECT_EDGES = (0, 1, 2, 4, 8, 16, 32, 64)
WORDS: dict[str, str | Promise] = {
    "ok": gettext_lazy("Good"), "warn": gettext_lazy("Look"), "bad": gettext_lazy("Problem"),
    "unknown": gettext_lazy("Not checked"),
}
ICONS = {"ok": "succeeded", "warn": "warning", "bad": "failed", "unknown": "unknown"}
TONES = {"ok": "ok", "warn": "warn", "bad": "bad", "unknown": "quiet"}


@dataclass(frozen=True)
class Verdict:
    """One line of the answer to: can I trust this data? `state` is ok, warn, bad or unknown;
    `page` names the page of the next act, `query` its query string."""

    name: str
    state: str
    sentence: str
    act: str = ""
    page: str = ""
    query: str = ""

    @property
    def word(self) -> str:
        return str(WORDS[self.state])

    @property
    def icon(self) -> str:
        return ICONS[self.state]

    @property
    def tone(self) -> str:
        return TONES[self.state]

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "state": self.state, "sentence": self.sentence}


def verdicts(version: DatasetVersion) -> list[Verdict]:
    """Rejects, leaks, near-duplicates and rare classes, in that order."""
    report = version.report
    return [
        _rejects(version), _leaks(report), _near(report), _rare(version), _negatives(version),
    ]


def _rejects(version: DatasetVersion) -> Verdict:
    n, lines = version.n_rejects, version.n_records + version.n_rejects
    if not n:
        return Verdict("rejects", "ok", _("No line was rejected."))
    share = n / lines if lines else 1.0
    sentence = ngettext(
        "%(n)s reject beside %(records)s records: %(share)s.",
        "%(n)s rejects beside %(records)s records: %(share)s.", n,
    ) % {"n": count(n), "records": count(version.n_records), "share": percent(share)}
    state = "warn" if share <= MANY_REJECTS else "bad"
    return Verdict("rejects", state, sentence, _("See why"), "catalog:dataset-rejects")


def _leaks(report: Mapping[str, Any]) -> Verdict:
    found = report.get("leakage")
    if not isinstance(found, Mapping):
        return Verdict("leakage", "unknown", _older(report, _("the same image in two splits")))
    images, tickets = int(found.get("images", 0)), int(found.get("tickets", 0))
    if not images and not tickets:
        return Verdict("leakage", "ok", _("No image and no ticket is in more than one split."))
    if images:
        sentence = ngettext(
            "%(n)s image is in more than one split.", "%(n)s images are in more than one split.",
            images,
        ) % {"n": count(images)}
        return Verdict(
            "leakage", "bad", sentence, _("See them"), "catalog:dataset-near", "kind=leak"
        )
    sentence = ngettext(
        "%(n)s ticket is in more than one split.", "%(n)s tickets are in more than one split.",
        tickets,
    ) % {"n": count(tickets)}
    return Verdict("leakage", "bad", sentence, _("See them"), "catalog:dataset-near", "kind=ticket")


def _near(report: Mapping[str, Any]) -> Verdict:
    found = report.get("near_duplicates")
    if not isinstance(found, Mapping):
        return Verdict("near", "unknown", _older(report, _("near-duplicates")))
    groups, across = int(found.get("groups", 0)), int(found.get("across_splits", 0))
    if not groups:
        return Verdict("near", "ok", _("No two images are near-duplicates."))
    values = {"n": count(groups), "across": count(across)}
    if across:
        sentence = ngettext(
            "%(n)s group of near-duplicates, %(across)s across splits.",
            "%(n)s groups of near-duplicates, %(across)s across splits.", groups,
        ) % values
    else:
        sentence = ngettext(
            "%(n)s group of near-duplicates, within a split.",
            "%(n)s groups of near-duplicates, each within a split.", groups,
        ) % values
    state = "bad" if across else "warn"
    return Verdict("near", state, sentence, _("See the groups"), "catalog:dataset-near")


def _older(report: Mapping[str, Any], what: str) -> str:
    if not report.get("schema"):
        return _("This version has no quality report, so nobody looked for %(what)s.") % {
            "what": what
        }
    return _(
        "The quality report of this version is of an older form and did not look for %(what)s. "
        "Import the data again to have it checked."
    ) % {"what": what}


def _rare(version: DatasetVersion) -> Verdict:
    rare = [f for f in index_of(version).facets if f.kind == Kind.CLASS and f.objects < FEW_OBJECTS]
    if not rare:
        sentence = _("Every class has at least %(n)s objects.") % {"n": FEW_OBJECTS}
        return Verdict("classes", "ok", sentence)
    names = ", ".join(f"{f.label} ({f.objects})" for f in rare[:3]) + (" …" if rare[3:] else "")
    sentence = ngettext(
        "%(n)s class has fewer than %(few)s objects: %(names)s.",
        "%(n)s classes have fewer than %(few)s objects: %(names)s.", len(rare),
    ) % {"n": count(len(rare)), "few": FEW_OBJECTS, "names": names}
    return Verdict("classes", "warn", sentence)


def _negatives(version: DatasetVersion) -> Verdict:
    found = next(
        (f for f in index_of(version).facets if (f.kind, f.label) == (Kind.NEGATIVE, ANY)), None
    )
    if found is None:
        sentence = _("There are no negatives: no object says that something is not as it must be.")
        return Verdict("negatives", "warn" if version.n_objects else "ok", sentence)
    sentence = _("Negatives: %(n)s of %(all)s objects (%(share)s), in %(images)s images.") % {
        "n": count(found.objects), "all": count(version.n_objects),
        "share": percent(found.objects / max(version.n_objects, 1)),
        "images": count(found.images),
    }  # fmt: skip
    return Verdict(
        "negatives", "ok", sentence, _("See them"), "catalog:dataset-browse", "negative=%2A"
    )


@dataclass
class ClassRow:
    """Prevalence of one class. Shares are of one; `negative` counts objects not as they must be."""

    name: str
    color: int
    objects: int
    images: int
    negative: int
    share_of_images: float
    bar: float
    attributes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def negative_share(self) -> float:
        return self.negative / self.objects if self.objects else 0.0


def class_rows(version: DatasetVersion) -> list[ClassRow]:
    """Every class with its attributes and their values, the most objects first."""
    index = index_of(version)
    negative = {f.label: f.objects for f in index.facets if f.kind == Kind.NEGATIVE}
    classes = [f for f in index.facets if f.kind == Kind.CLASS]
    most = max((f.objects for f in classes), default=1) or 1
    rows = {
        f.label: ClassRow(
            f.label, place % 8 + 1, f.objects, f.images, negative.get(f.label, 0),
            f.images / max(version.n_records, 1), 100 * f.objects / most,
        )
        for place, f in enumerate(classes)
    }
    keys: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for f in index.facets:
        if f.kind == Kind.ATTRIBUTE:
            name, _bar, rest = f.label.partition("|")
            key, _equals, value = rest.partition("=")
            keys.setdefault((name, key), []).append(
                {"value": value, "label": f.label, "objects": f.objects, "images": f.images}
            )
    for (name, key), values in keys.items():
        if name in rows:
            rows[name].attributes.append({"key": key, "values": values})
    return list(rows.values())


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: where it stands on a canvas of 100 x 100, and its words."""

    label: str
    n: int
    x: float
    width: float
    y: float
    height: float
    query: str = ""


def histogram(values: Iterable[tuple[str, int, str]]) -> list[Bar]:
    """Bars of (label, n, query), side by side, the highest 100 high."""
    rows = list(values)
    most = max((n for _label, n, _query in rows), default=0) or 1
    step = 100 / max(len(rows), 1)
    return [
        Bar(label, n, i * step + step * 0.06, step * 0.88, 100 - 100 * n / most, 100 * n / most, q)
        for i, (label, n, q) in enumerate(rows)
    ]


def histograms(version: DatasetVersion) -> list[dict[str, Any]]:
    """Longest side and objects per image from the index, sizes of objects from the report."""
    index = index_of(version)
    side = np.maximum(index.columns["width"], index.columns["height"])
    out = [
        {"title": _("Longest side of the image, px"), "n": version.n_records,
         "unit": _("images"), "bars": histogram(_sides(side))},
        {"title": _("Objects per image"), "n": version.n_records, "unit": _("images"),
         "bars": histogram(_per_image(index))},
    ]  # fmt: skip
    areas = version.report.get("object_area_share")
    if isinstance(areas, list) and areas:
        rows = [(f"≤ {100 * float(a['up_to']):g} %", int(a["objects"]), "") for a in areas]
        out.append({
            "title": _("Size of objects, share of their image"), "n": version.n_objects,
            "unit": _("objects"), "bars": histogram(rows),
        })
    return out


def _sides(side: np.ndarray[Any, Any]) -> list[tuple[str, int, str]]:
    rows, low = [], 0
    for edge in SIDE_EDGES:
        n = int(((side > low) & (side <= edge)).sum())
        rows.append((f"{low + 1}–{edge}", n, f"side={low + 1}-{edge}"))
        low = edge
    rows.append((f"> {low}", int((side > low).sum()), f"side={low + 1}-"))
    while len(rows) > 1 and not rows[-1][1]:
        rows.pop()
    return rows


def _per_image(index: VersionIndex) -> list[tuple[str, int, str]]:
    objects, rows = index.columns["objects"], []
    ends = [*(edge - 1 for edge in OBJECT_EDGES[1:]), None]
    for low, high in zip(OBJECT_EDGES, ends, strict=True):
        inside = objects >= low if high is None else (objects >= low) & (objects <= high)
        label = f"≥ {low}" if high is None else str(low) if low == high else f"{low}–{high}"
        rows.append((label, int(inside.sum()), f"objects={low}-{'' if high is None else high}"))
    while len(rows) > 1 and not rows[-1][1]:
        rows.pop()
    return rows


def records_of(
    version: DatasetVersion, groups: Iterable[DatasetGroup]
) -> dict[str, DatasetRecord]:
    """The records that groups name, by id."""
    ids = {str(image["id"]) for group in groups for image in group.images if image.get("id")}
    # Without an order: by key, SQLite would walk the whole version instead of the index of ids.
    found = version.records.filter(record_id__in=ids).order_by()
    return {row.record_id: row for row in found}


def rule_sentence(rule: str) -> str:
    """The sentence of a rule of the contract; empty for a rule of some importer's own."""
    return RULES.get(rule, "")


def reject_line(row: DatasetReject) -> dict[str, Any]:
    """A reject as it was written, with its rule's sentence."""
    return {**row.detail, "rule": row.code, "message": row.message,
            "sentence": rule_sentence(row.code)}

