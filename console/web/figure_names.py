"""Headline figures of jobs in words; a figure that is not here is called by its name."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TITLES: dict[str, str | Promise] = {
    "tickets": _("tickets"),
    "images": _("images"),
    "objects": _("objects"),
    "rejected": _("rejected"),
    "seconds_per_image": _("time per image"),
    "irrelevant": _("irrelevant images"),
    "in_no_form": _("in no form"),
    "finished": _("finished answers"),
    "fact_f1": _("F1 of facts"),
    "negative_recall": _("recall of faults"),
    "label_match": _("label match"),
    "false_release": _("false release"),
    "false_block": _("false block"),
    "format_rate": _("well-formed candidates"),
    "malformed": _("without a verdict"),
    "label_suspect": _("labels in doubt"),
    "rules_accepted": _("rules accepted"),
    "false_release_before": _("false release before"),
    "false_release_after": _("false release after"),
    "guidance_changes": _("changes of guidance"),
    "checks_passed": _("checks passed"),
}


def title_of(name: str) -> str:
    """What a headline figure is called."""
    return str(TITLES.get(name, name.replace("_", " ")))
