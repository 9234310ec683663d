"""How a project reviews: routing rules, shares of checks, weights of the order, reasons."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem, pointer
from console.reviews.models import ReasonList, ReviewItem, ReviewPolicy
from console.reviews.states import MOST_REVIEWS, Decision, Kind

LOW_MARGIN = 0.8
DEFAULT_RULES: list[dict[str, Any]] = [{"reviews": 2, "margin_below": LOW_MARGIN}]
WEIGHTS = {"uncertainty": 1.0, "disagreement": 1.0, "age": 0.5, "slice_need": 0.5}
DEFAULT_REASONS: list[dict[str, Any]] = [
    {"code": code, "label": label, "label_zh": label_zh, "for": list(verdicts)}
    for code, label, label_zh, verdicts in (
        ("missing", "Required part is missing", "缺少必需部件", ("fail",)),
        ("loose", "Loose or not fastened", "松动或未紧固", ("fail",)),
        ("wrong_fit", "Fitted wrongly or reversed", "安装错误或方向相反", ("fail",)),
        ("damaged", "Damaged", "损坏", ("fail",)),
        ("untidy", "Cables are not tidy or not protected", "线缆不整齐或无保护", ("fail",)),
        ("label_unreadable", "Label is missing or unreadable", "标签缺失或无法辨认", ("fail",)),
        ("not_shown", "A required point is not shown", "必检点未拍到", ("fail", "unsure")),
        ("model_misread", "The model misread the image", "模型看错图像", ("pass", "fail")),
        ("not_required", "Not required for this mission", "本任务不要求", ("pass",)),
        ("seen_elsewhere", "Shown in another image", "其他图像中已确认", ("pass",)),
        ("other", "Other (see comment)", "其他（见备注）", ("pass", "fail", "unsure")),
    )
]
_NUMBERS: dict[str, tuple[float, float]] = {
    "gold_percent": (0, 50), "gold_rest_days": (0, 3650), "gold_floor": (0, 1),
    "gold_window": (10, 1000), "drift_percent": (0, 100), "drift_margin": (0.5, 1),
    "due_hours": (0.1, 8760), "seed": (0, 2**31 - 1),
}
_WHOLE = frozenset({"gold_rest_days", "gold_window", "seed"})
FIELDS = (*_NUMBERS, "rules", "weights")


def policy_of(project: Project) -> ReviewPolicy:
    """The project's policy; the default one where none was set."""
    found = ReviewPolicy.objects.filter(project=project).first()
    if found is not None:
        return found
    return ReviewPolicy(project=project, version=0, rules=DEFAULT_RULES, weights=WEIGHTS)


def set_policy(actor: Actor, project: Project, values: Mapping[str, Any]) -> ReviewPolicy:
    """Change parts of the policy. Tickets that are in the queue keep what they were given.

    Raises ApiProblem 422 that names every part that is wrong.
    """
    errors = [error for name, value in values.items() for error in _problems(name, value)]
    if errors:
        raise ApiProblem(422, "invalid", errors[0]["detail"], errors=errors)
    with transaction.atomic():
        found, _ = ReviewPolicy.objects.select_for_update().get_or_create(
            project=project, defaults={"rules": DEFAULT_RULES, "weights": WEIGHTS, "version": 0}
        )
        for name, value in values.items():
            setattr(found, name, value)
        found.version += 1
        found.updated = timezone.now()
        found.save()
        detail = {**values, "version": found.version}
        audit.record(actor, "review.policy", project.slug, project=project, detail=detail)
    return found


def needed_reviews(policy: ReviewPolicy, item: ReviewItem) -> int:
    """How many reviews the rules ask for."""
    return max(
        [1, *(int(rule["reviews"]) for rule in policy.rules if _meets(rule, item))]
    )


def _meets(rule: Mapping[str, Any], item: ReviewItem) -> bool:
    below = rule.get("margin_below")
    return (
        (below is None or (item.margin is not None and item.margin < below))
        and (not rule.get("kinds") or item.kind in rule["kinds"])
        and (not rule.get("missions") or item.mission in rule["missions"])
    )


def _problems(name: str, value: Any) -> list[dict[str, str]]:
    if name in _NUMBERS:
        low, high = _NUMBERS[name]
        kinds = (int,) if name in _WHOLE else (int, float)
        if type(value) not in kinds or not low <= value <= high:
            whole = "a whole number" if name in _WHOLE else "a number"
            return [_error([name], f"{name} must be {whole} from {low} to {high}")]
        return []
    if name == "weights":
        right = isinstance(value, dict) and set(value) == set(WEIGHTS) and all(
            type(v) in (int, float) and 0 <= v <= 100 for v in value.values()
        )
        names = ", ".join(WEIGHTS)
        return [] if right else [_error([name], f"weights are numbers from 0 to 100 of {names}")]
    if name == "rules":
        return _rule_problems(value)
    return [_error([name], f"there is no setting {name}")]


def _rule_problems(rules: Any) -> list[dict[str, str]]:
    if not isinstance(rules, list) or len(rules) > 50:
        return [_error(["rules"], "rules must be a list of at most 50")]
    out = []
    for number, rule in enumerate(rules):
        if not isinstance(rule, dict):
            out.append(_error(["rules", number], "a rule must be an object"))
            continue
        unknown = set(rule) - {"reviews", "margin_below", "kinds", "missions"}
        reviews, below = rule.get("reviews"), rule.get("margin_below")
        if unknown:
            out.append(_error(["rules", number, min(unknown)], f"a rule has no {min(unknown)}"))
        if type(reviews) is not int or not 1 <= reviews <= MOST_REVIEWS:
            out.append(_error(["rules", number, "reviews"], f"reviews is 1 to {MOST_REVIEWS}"))
        if below is not None and (type(below) not in (int, float) or not 0 <= below <= 1):
            out.append(_error(["rules", number, "margin_below"], "margin_below is 0 to 1"))
        for key, known in (("kinds", set(Kind)), ("missions", None)):
            names = rule.get(key, [])
            texts = isinstance(names, list) and all(isinstance(n, str) for n in names)
            if not texts or (known is not None and not set(names) <= known):
                out.append(_error(["rules", number, key], f"{key} must be a list of known names"))
    return out


def reasons_of(project: Project) -> ReasonList:
    """The newest list of reasons; the default one, version 0, where none was written."""
    found = ReasonList.objects.filter(project=project).order_by("-version").first()
    return found or ReasonList(project=project, version=0, codes=DEFAULT_REASONS)


def write_reasons(actor: Actor, project: Project, codes: Sequence[Mapping[str, Any]]) -> ReasonList:
    """A new version of the list. Reviews keep the version that they were made with.

    Raises ApiProblem 422 for a code that occurs twice, or when no code is for FAIL.
    """
    names = [str(code["code"]) for code in codes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ApiProblem(
            422, "invalid", f"{twice} occurs twice",
            errors=[_error(["codes", names.index(twice)], "occurs twice")],
        )
    if not any(Decision.FAIL in code["for"] for code in codes):
        detail = "at least one code must be for fail"
        raise ApiProblem(422, "invalid", detail, errors=[_error(["codes"], detail)])
    with transaction.atomic():
        Project.objects.filter(pk=project.pk).update(slug=F("slug"))  # locks the project's row
        version = reasons_of(project).version + 1
        made = ReasonList.objects.create(
            project=project, version=version, codes=[dict(code) for code in codes],
            created_by=actor.user,
        )
        detail_ = {"version": version, "codes": names}
        audit.record(actor, "review.reasons", project.slug, project=project, detail=detail_)
    return made


def _error(path: Sequence[str | int], detail: str) -> dict[str, str]:
    return {"pointer": pointer(path), "detail": detail}
