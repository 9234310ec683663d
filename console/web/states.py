"""How states read to a person: icon, word and colour, the same on every page."""
from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class Look:
    """`tone` names a colour pair of the style sheet: ok, bad, warn, live, quiet, accent."""

    icon: str
    word: str | Promise
    tone: str


LOOKS: dict[str, Look] = {
    "queued": Look("queued", _("Queued"), "quiet"),
    "running": Look("running", _("Running"), "live"),
    "cancelling": Look("cancelling", _("Cancelling"), "warn"),
    "succeeded": Look("succeeded", _("Succeeded"), "ok"),
    "failed": Look("failed", _("Failed"), "bad"),
    "cancelled": Look("cancelled", _("Cancelled"), "quiet"),
    "interrupted": Look("interrupted", _("Interrupted"), "warn"),
    "lost": Look("offline", pgettext_lazy("state of an attempt", "Lost"), "bad"),
    "passed": Look("passed", _("Passed"), "ok"),
    "blocked": Look("blocked", _("Not passed"), "bad"),
    "pending": Look("queued", _("Pending"), "quiet"),
    "stale": Look("unknown", _("Stale"), "quiet"),
    "online": Look("online", _("Online"), "ok"),
    "offline": Look("offline", _("Offline"), "bad"),
    "draining": Look("draining", _("Draining"), "warn"),
    "ready": Look("check", _("Ready"), "ok"),
    "active": Look("check", _("Active"), "ok"),
    "revoked": Look("cancelled", _("Revoked"), "quiet"),
    "expired": Look("queued", _("Expired"), "quiet"),
    "skipped": Look("unknown", _("Skipped"), "quiet"),
    "warning": Look("warning", _("Warning"), "warn"),
    "leased": Look("leased", _("With a reviewer"), "live"),
    "second": Look("second", _("Second review"), "quiet"),
    "conflict": Look("conflict", _("Conflict"), "warn"),
    "decided": Look("check", _("Decided"), "ok"),
    "agreed": Look("agreed", _("Agreed"), "ok"),
    "adjudicated": Look("adjudicated", _("Adjudicated"), "ok"),
    "exported": Look("exported", _("Exported"), "quiet"),
    "pass": Look("succeeded", pgettext_lazy("verdict", "PASS"), "ok"),
    "fail": Look("failed", pgettext_lazy("verdict", "FAIL"), "bad"),
    "unsure": Look("unsure", pgettext_lazy("verdict", "UNSURE"), "warn"),
    "broken": Look("broken", pgettext_lazy("verdict", "BROKEN"), "quiet"),
    "late": Look("clock", _("Late"), "warn"),
}

REASONS: dict[str, str | Promise] = {
    "ok": _("finished"),
    "config": _("the config is invalid"),
    "data": _("the data is invalid"),
    "preflight": _("a check before the start blocked it"),
    "gate": _("the gate did not pass"),
    "user": _("cancelled by a person"),
    "diverged": _("the loss is no number any more"),
    "code": _("the job crashed"),
    "oom": _("out of memory"),
    "infra": _("the host failed"),
    "lost": _("the host stopped answering"),
    "interrupted": _("interrupted at a safe point"),
}

HINTS: dict[str, str | Promise] = {
    "config": _("Open the Config tab: every problem has its line."),
    "data": _("Open the rejects file among the artifacts: it names every bad record."),
    "preflight": _("Read the blocked check in the log; it says what to change."),
    "gate": _("Open the checks: each shows its value, limit and n."),
    "user": _("Resume continues from the last checkpoint."),
    "diverged": _(
        "Lower the learning rate, or look at the named records; the last checkpoint is good."
    ),
    "code": _("The last lines of the log hold the traceback."),
    "oom": _("Lower the batch size or the length limit, or use a host with more memory."),
    "infra": _("It is tried again by itself; if it repeats, look at the host."),
    "lost": _("It is tried again by itself; if it repeats, look at the host."),
    "interrupted": _("Resume continues from the last checkpoint."),
}

KIND_TITLES: dict[str, str | Promise] = {
    "import": _("Import"), "data_export": _("Export data"),
    "relabel": _("Correct labels"),
    "synth": _("Synthesise"), "sft": _("Fine-tune"),
    "predict": _("Predict"), "merge": _("Merge an adapter"), "evaluate": _("Evaluate"),
    "gate": pgettext_lazy("job kind", "Gate"),
    "stage_a": _("Summarise tickets"),
    "stage_b": _("Judge tickets"),
}
KIND_SUMMARIES: dict[str, str | Promise] = {
    "import": _("Turn foreign annotations into a dataset with a report of rejects."),
    "data_export": _("Write a dataset in a foreign format and say what it cannot hold."),
    "relabel": _(
        "Make the next version of a dataset, with the ticket labels that people decided."
    ),
    "synth": _("Render the demo inspection set: cabinet scenes with known truth."),
    "sft": _("Train a vision-language model on a dataset."),
    "predict": _("Let a model answer for every image of a split."),
    "merge": _("Put an adapter into the weights of its checkpoint, proven equal."),
    "evaluate": _("Score predictions against the truth, side by side."),
    "gate": _("Hold an evaluation, or verdicts, against a policy; anything unproven fails."),
    "stage_a": _("Summarise every image of a mission's tickets, and nothing but what is seen."),
    "stage_b": _("Give each ticket of a mission a verdict from its images' summaries."),
}
KIND_ICONS: dict[str, str] = {
    "import": "import", "data_export": "download", "relabel": "edit",
    "synth": "synth", "sft": "train",
    "predict": "predict", "merge": "models", "evaluate": "evaluate", "gate": "gate",
    "stage_a": "record", "stage_b": "metric",
}


def look_of(state: str) -> Look:
    """The look of a state; an unknown one shows its own word in grey."""
    return LOOKS.get(state, Look("unknown", state, "quiet"))


def reason_sentence(reason: str) -> str:
    """A reason as the second half of a sentence, `` for none."""
    return str(REASONS.get(reason, reason))


def hint_of(reason: str) -> str:
    """What to do about a run that ended for this reason."""
    return str(HINTS.get(reason, ""))
