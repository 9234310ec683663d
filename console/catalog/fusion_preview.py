"""The plan of a mixture's epoch before anything is trained: what each dataset gives, and warnings.

The text is a mixture by itself, or a config of `sft` whose data is one. It is checked by the loader
that launches it; how many records a dataset has is what the catalog knows.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.accounts.models import Project
from console.catalog.configs import MAX_TEXT, check_text
from console.catalog.models import DatasetVersion
from console.catalog.services import UnresolvedRefError, resolve_ref
from console.runs.launch_form import starting_text
from console.web.yaml_edit import (
    UnreadableTextError,
    line_of,
    text_of,
    values_of,
    with_item,
    with_value,
)
from mlcore.config.load import read_model
from mlcore.errors import ConfigError, GatehouseError, Problem
from mlcore.fusion.config import FusionConfig, SourceConfig, TargetConfig
from mlcore.fusion.plan import EpochPlan, PlanRow, epoch_plan, quotas

FILE = "config.yaml"
MAX_EPOCH = 9999
MAX_SAMPLES = 2_000_000
"""most samples of an epoch that a preview draws"""
SHOWN_ORDER = 240
START = "builtin:base"
"""what a run begins from where the text names no model"""
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class NewMember:
    """A dataset to add to the mixture."""

    role: str
    dataset: str
    split: str = "train"
    ratio: float = 1.0


@dataclass
class FusionPreview:
    """`plan` is None while `problems` stand. `order` holds the place of the dataset of each of the
    first samples; `run_text` is a config of `sft` that trains on the mixture."""

    text: str
    problems: list[Problem] = field(default_factory=list)
    plan: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    run_text: str = ""


@dataclass(frozen=True)
class _Mixture:
    config: FusionConfig
    seed: int
    at: Path
    """where the mixture stands in the text"""


def preview_fusion(
    project: Project, text: str, epoch: int, add: NewMember | None = None
) -> FusionPreview:
    """The plan of epoch `epoch`, counted from 0. Never raises for a bad text."""
    text = text.replace("\r\n", "\n")
    if len(text) > MAX_TEXT:
        return FusionPreview("", [Problem(FILE, 1, 1, "", _("The text is too long."))])
    if add is not None:
        try:
            text = _with_member(text, add)
        except UnreadableTextError as error:
            return FusionPreview(text, [Problem(FILE, 1, 1, "", str(error))])
    try:
        mixture = _read(text)
    except ConfigError as error:
        return FusionPreview(text, error.problems)
    sizes, problems = _sizes(project, text, mixture)
    if problems:
        return FusionPreview(text, problems)
    try:
        asked = sum(quotas(mixture.config, sizes).values())
        if asked > MAX_SAMPLES:
            message = _("An epoch has %(n)d samples; a preview draws at most %(most)d.")
            values = {"n": asked, "most": MAX_SAMPLES}
            return FusionPreview(text, [Problem(FILE, 1, 1, "", message % values)])
        plan = epoch_plan(mixture.config, sizes, epoch, mixture.seed)
    except GatehouseError as error:
        at = _place_named(text, mixture, error.where)
        message = f"{error.message}. {error.hint}" if error.hint else error.message
        return FusionPreview(text, [Problem(FILE, *at, "", message)])
    return FusionPreview(
        text, [], _plan_json(plan), _warnings(plan, mixture.config),
        plan.member[:SHOWN_ORDER].tolist(), _run_text(text),
    )


def example_text(refs: Sequence[str]) -> str:
    """A mixture to begin with: the first dataset as its target."""
    name = "target" if not refs else name_for(refs[0], [])
    target = {"name": name, "dataset": refs[0] if refs else "dataset:NAME@1", "ratio": 1.0}
    return text_of({"type": "fusion", "targets": [target]})


def name_for(ref: str, taken: Sequence[str]) -> str:
    """A name for a dataset that none of the others has."""
    word = ref.partition(":")[2].partition("@")[0] or ref
    base = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in word)
    base = base.strip("-._")[:36] or "dataset"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _read(text: str) -> _Mixture:
    """Raises ConfigError with every problem of the text."""
    if not _is_config(text):
        return _Mixture(read_model(text, FusionConfig, FILE), 0, ())
    checked = check_text(text, FILE)
    if checked.loaded is None:
        raise ConfigError(FILE, problems=checked.problems)
    data = vars(checked.loaded.model).get("data")
    if not isinstance(data, FusionConfig):
        line, column = line_of(text, ("data",))
        message = _("This config mixes no datasets: its data is not of the type fusion.")
        raise ConfigError(FILE, problems=[Problem(FILE, line, column, "data", message)])
    resolved = checked.loaded.resolved
    return _Mixture(data, int(resolved.get("seed", 0)), ("data",))


def _is_config(text: str) -> bool:
    try:
        return "kind" in values_of(text)
    except UnreadableTextError:
        return False


def _sizes(
    project: Project, text: str, mixture: _Mixture
) -> tuple[dict[str, int], list[Problem]]:
    """Record counts by name, and a problem for each dataset that the catalog cannot count."""
    sizes: dict[str, int] = {}
    problems = []
    places: list[tuple[str, int, TargetConfig | SourceConfig]] = [
        *(("targets", i, t) for i, t in enumerate(mixture.config.targets)),
        *(("sources", i, s) for i, s in enumerate(mixture.config.sources)),
    ]
    for group, index, member in places:
        splits, message = _splits_of(project, member.dataset)
        key = "dataset"
        if not message and member.split not in splits:
            known = ", ".join(sorted(splits))
            message = _("There is no such split; there is: %(known)s.") % {"known": known}
            key = "split"
        if message:
            path: Path = (*mixture.at, group, index, key)
            line, column = line_of(text, path)
            problems.append(Problem(FILE, line, column, ".".join(map(str, path)), message))
        else:
            sizes[member.name] = splits[member.split]
    return sizes, problems


def _splits_of(project: Project, ref: str) -> tuple[Mapping[str, int], str]:
    try:
        found = resolve_ref(project, ref)
    except UnresolvedRefError as error:
        return {}, error.message
    version = DatasetVersion.objects.filter(output=found.output_id).first()
    if version is None:
        return {}, _("%(ref)s is not a dataset that the catalog has counted.") % {"ref": ref}
    return version.splits, ""


def _with_member(text: str, add: NewMember) -> str:
    at = "data." if _is_config(text) else ""
    values = values_of(text) if text.strip() else {}
    mixture: Any = values.get("data", {}) if at else values
    listed = [*(mixture.get("targets") or []), *(mixture.get("sources") or [])]
    taken = [str(m.get("name")) for m in listed if isinstance(m, dict)]
    if "type" not in mixture:
        text = with_value(text, f"{at}type", "fusion")
    item: dict[str, Any] = {"name": name_for(add.dataset, taken), "dataset": add.dataset}
    if add.split != "train":
        item["split"] = add.split
    item["ratio"] = add.ratio
    return with_item(text, f"{at}{add.role}s", item)


def _place_named(text: str, mixture: _Mixture, ref: str) -> tuple[int, int]:
    """Line and column of the member whose dataset that is."""
    for group in ("targets", "sources"):
        for index, member in enumerate(vars(mixture.config)[group]):
            if member.dataset == ref:
                return line_of(text, (*mixture.at, group, index, "dataset"))
    return line_of(text, mixture.at)


def _plan_json(plan: EpochPlan) -> dict[str, Any]:
    out = plan.to_json()
    total = max(1, len(plan))
    out["datasets"] = [asdict(row) | {"share": row.quota / total} for row in plan.rows]
    return out


def _warnings(plan: EpochPlan, config: FusionConfig) -> list[str]:
    """What a person would want to know before paying for the epoch."""
    out = []
    for row in plan.rows:
        out += _row_warnings(row)
    targets = sum(row.quota for row in plan.rows if row.role == "target")
    sources = len(plan) - targets
    if sources > targets:
        text = _("The sources give more samples (%(s)d) than the targets (%(t)d).")
        out.append(text % {"s": sources, "t": targets})
    refs = [member.dataset for member in config.members]
    for ref in dict.fromkeys(r for r in refs if refs.count(r) > 1):
        out.append(_("%(ref)s is in the mixture more than once.") % {"ref": ref})
    return out


def _row_warnings(row: PlanRow) -> list[str]:
    out = []
    left = row.pool - row.unique
    if row.quota < row.asked:
        text = _("%(name)s: %(asked)d samples are asked, but it has %(pool)d records, each once.")
        out.append(text % {"name": row.name, "asked": row.asked, "pool": row.pool})
    if row.repeats:
        text = ngettext("%(name)s: %(n)d sample is a record that was already in this epoch.",
                        "%(name)s: %(n)d samples are records that were already in this epoch.",
                        row.repeats)  # fmt: skip
        out.append(text % {"name": row.name, "n": row.repeats})
    if row.role == "target" and left > 0:
        text = ngettext("%(name)s: %(n)d record of this target is not in this epoch.",
                        "%(name)s: %(n)d records of this target are not in this epoch.",
                        left)  # fmt: skip
        out.append(text % {"name": row.name, "n": left})
    if row.pool < row.records:
        text = _("%(name)s: only %(pool)d of its %(n)d records may ever be drawn.")
        out.append(text % {"name": row.name, "pool": row.pool, "n": row.records})
    return out


def _run_text(text: str) -> str:
    """The text as a config to launch."""
    if _is_config(text):
        return text
    start = with_value(starting_text("sft"), "model.checkpoint", START)
    return with_value(start, "data", values_of(text))
