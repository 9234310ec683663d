"""How the states, kinds and decisions of review read to a person."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from console.reviews.states import Decision, Kind, Role

KINDS: dict[str, str | Promise] = {
    Kind.LABEL_SUSPECT: gettext_lazy("Label in doubt"),
    Kind.EVIDENCE_GAP: gettext_lazy("Evidence missing"),
    Kind.MODEL_ERROR: gettext_lazy("Model in doubt"),
    Kind.GOLD: gettext_lazy("Check of a reviewer"),
    Kind.DRIFT: gettext_lazy("Drift sample"),
    Kind.REUSED_PHOTO: gettext_lazy("Photograph used twice"),
}
KIND_SENTENCES: dict[str, str | Promise] = {
    Kind.LABEL_SUSPECT: gettext_lazy("The model's verdict and the verdict on record differ."),
    Kind.EVIDENCE_GAP: gettext_lazy("A point that must be confirmed was not shown."),
    Kind.MODEL_ERROR: gettext_lazy(
        "The model's answers contradict each other, the evidence, or the verdict on record."
    ),
    Kind.GOLD: gettext_lazy("Its outcome is known; a reviewer is checked with it."),
    Kind.DRIFT: gettext_lazy("Drawn from confident verdicts, to see how often those are wrong."),
    Kind.REUSED_PHOTO: gettext_lazy("A photograph of this ticket was handed in with another one."),
}
CODES: dict[str, str | Promise] = {
    "tied_vote": gettext_lazy("votes are tied"),
    "low_agreement": gettext_lazy("votes agree too little"),
    "rollout_contradiction": gettext_lazy("answers contradict each other"),
    "fail_first_override": gettext_lazy("failed by the guard"),
    "fail_first_irrelevant_hit": gettext_lazy("a fault of another item"),
    "pending_signal_hit": gettext_lazy("a point is not confirmed"),
    "label_mismatch": gettext_lazy("against the verdict on record"),
    "conflict": gettext_lazy("against the verdict on record"),
    "label_fail_without_fault": gettext_lazy("failed on record, no fault seen"),
    "label_pass_with_fault": gettext_lazy("passed on record, a fault is seen"),
    "reflection_no_evidence_after_gt": gettext_lazy("no evidence explains the record"),
    "budget_exhausted": gettext_lazy("reflection came to no end"),
    "drift_sample": gettext_lazy("drawn at random"),
    "reused_photo": gettext_lazy("photograph used twice"),
    "no_candidates": gettext_lazy("nothing was asked"),
    "no_valid_candidates": gettext_lazy("no answer had two lines"),
    "format_error": gettext_lazy("too few answers had two lines"),
    "empty": gettext_lazy("nothing was said"),
    "line_count": gettext_lazy("not two lines"),
    "no_verdict": gettext_lazy("no verdict"),
    "unknown_verdict": gettext_lazy("a verdict that is none"),
    "no_reason": gettext_lazy("no reason"),
    "third_state": gettext_lazy("avoids a verdict"),
    "long": gettext_lazy("a reason that is too long"),
}
"""warnings and reasons of Stage-B, in words; a code that is not here is shown as it is"""
DECISIONS: dict[str, str | Promise] = {
    Decision.PASS: pgettext_lazy("verdict", "PASS"),
    Decision.FAIL: pgettext_lazy("verdict", "FAIL"),
    Decision.UNSURE: pgettext_lazy("verdict", "UNSURE"),
    Decision.BROKEN: pgettext_lazy("verdict", "BROKEN"),
}
ROLES: dict[str, str | Promise] = {
    Role.FIRST: gettext_lazy("first review"),
    Role.SECOND: gettext_lazy("second review"),
    Role.ADJUDICATOR: gettext_lazy("adjudication"),
    Role.EXTRA: gettext_lazy("extra review, after the lease was lost"),
    Role.UNDO: gettext_lazy("taken back"),
}
ACTIONS: dict[str, str | Promise] = {
    "opened": gettext_lazy("came into the queue"),
    "changed": gettext_lazy("its evidence changed"),
    "leased": gettext_lazy("was claimed"),
    "released": gettext_lazy("was given back"),
    "expired": gettext_lazy("its lease ran out"),
    "skipped": gettext_lazy("was passed over"),
    "decided": gettext_lazy("was decided"),
    "extra": gettext_lazy("got an extra review"),
    "undone": gettext_lazy("a decision was taken back"),
    "comment": gettext_lazy("was commented on"),
    "assigned": gettext_lazy("was assigned"),
    "prioritised": gettext_lazy("got a priority"),
    "exported": gettext_lazy("was exported"),
    "dropped": gettext_lazy("was not answered"),
}


def script_words() -> dict[str, str]:
    """Name -> sentence for the scripts of desk and queue; `{n}` and the like are filled in."""
    texts = {**_desk_words(), **_stage_words(), **_trouble_words(), **_queue_words()}
    tables = ((KINDS, "kind"), (KIND_SENTENCES, "why"), (DECISIONS, "decision"), (CODES, "code"))
    for table, prefix in tables:
        texts |= {f"{prefix}_{name}": str(text) for name, text in table.items()}
    return texts


def _desk_words() -> dict[str, str]:
    return {
        "question": _("Does ticket {key} pass?"),
        "question_conflict": _("Two reviews of {key} do not settle it. What is right?"),
        "image_one": _("1 image"),
        "today": _("{n} of {total} today"),
        "today_more": _("{n} today, more than {total} wait"),
        "age": _("waits {time}"),
        "due_in": _("due in {time}"),
        "late": _("late by {time}"),
        "lease_left": _("yours for {n} s"),
        "lease_over": _("The lease is over. Your answer still counts if nobody else has taken "
                        "the ticket, and is kept in any case."),
        "no_checklist": _("This ticket brings no checklist; judge it by its mission."),
        "guidance_step": _("guidance step {n}"),
        "guidance_rule": _("1 rule"),
        "guidance_rules": _("{n} rules"),
        "guidance_yours_one": _("1 from your reviews"),
        "guidance_yours": _("{n} from your reviews"),
        "no_summary": _("Nothing was said about this image."),
        "blind": _("Hidden until you have decided: this is a blind review."),
        "model_none": _("The model gave no verdict."),
        "on_record": _("on record"),
        "model_says": _("model"),
        "votes": _("{n} % of its answers say so"),
        "reasons_for": _("Reasons for {decision}"),
        "need_reason": _("{decision} needs a reason: choose with the digits, then Enter."),
        "need_reason_override": _("PASS against the model's FAIL needs a reason: choose with the "
                                  "digits, then Enter."),
        "no_unsure": _("An adjudicator decides: pass, fail or broken."),
        "last": _("{key}: {decision}"),
        "last_model": _("the model said {decision}"),
        "undo_none": _("There is no decision of yours to take back."),
        "undone": _("{key} is back; your decision is taken back."),
        "undone_elsewhere": _("Your decision about {key} is taken back; somebody else has the "
                              "ticket now."),
        "skipped": _("{key} goes to others first."),
        "says": _("{name} says"),
        "no_comment": _("no comment"),
        "key_taken": _("{key} is taken by: {title}"),
        "every_page": _("every page"),
        "press_key": _("press a key"),
        "break_due": _("You have reviewed for {n} minutes without a pause. A few minutes away from "
                       "the screen are worth it; your tickets go back by themselves."),
        "blind_tag": _("blind review"),
        "undo_word": _("Undo"),
        "close": _("Close"),
        "t_s": _("{n} s"),
        "t_min": _("{n} min"),
        "t_h": _("{h} h {m} min"),
        "t_d": _("{d} d {h} h"),
    }  # fmt: skip


def _stage_words() -> dict[str, str]:
    return {
        "missing": _("The image is missing"),
        "image_n": _("image {n}"),
        "reused_in": _("also in {key}"),
        "bits": _("{n} of 64 bits differ"),
        "no_objects": _("nothing to draw"),
        "no_objects_why": _("Neither true objects nor predictions of these images are in the "
                            "console. They come from the dataset that the summaries were made of, "
                            "and from a predict run on it."),
        "no_prediction": _("no predictions"),
        "no_prediction_why": _("No predict run on the dataset of these images was in the console "
                               "when the ticket came."),
        "drew_nothing": _("predicted: none"),
        "drew_nothing_why": _("The predict run drew no object on these images."),
        "predicted_by": _("from the predict run {run}"),
    }  # fmt: skip


def _trouble_words() -> dict[str, str]:
    return {
        "unsent_one": _("1 decision waits to be sent. It is kept in this browser."),
        "unsent": _("{n} decisions wait to be sent. They are kept in this browser."),
        "unsent_full": _("{n} decisions wait to be sent; no more can be kept. Decide on when the "
                         "console answers again."),
        "lost_other": _("{key} went to {name} meanwhile, who decided {decision} ({reasons}). Your "
                        "{mine} is kept as an extra review."),
        "lost_open": _("{key} went to somebody else meanwhile. Your {mine} is kept as an extra "
                       "review."),
        "decided_already": _("You have decided {key} already: {decision}."),
        "changed": _("{key} has changed since you read it. Your {mine} was not taken; look again."),
        "changed_here": _("{key} has changed while you read it."),
        "refused": _("{key}: your {mine} was refused. {detail}"),
        "gone": _("{key} is no longer yours to decide."),
        "failed": _("The console refused: {detail}"),
        "before": _("before"),
        "after": _("now"),
        "part_images": _("images"),
        "part_summaries": _("what was said of the images"),
        "part_model_verdict": _("the model's verdict"),
        "part_model_reason": _("the model's reason"),
        "part_label": _("verdict on record"),
        "part_evidence": _("other evidence"),
        "part_mission": _("mission"),
        "empty_none_left": _("No ticket is left"),
        "empty_filtered": _("Your filter leaves nothing"),
        "empty_leased": _("Everything is with others"),
        "empty_yours": _("The rest needs another person"),
        "empty_none_for_you": _("Nothing is assigned to you"),
        "empty_leased_line": _("{n} are held by others; the first comes back at {time} unless it "
                               "is decided."),
        "empty_filtered_line": _("{n} free tickets are outside your filter."),
        "empty_yours_line": _("{n} you have decided or passed over: somebody else has to."),
        "empty_none_line": _("New ones come with the next run of verdicts. This page looks again "
                             "by itself."),
        "empty_assigned_line": _("The free tickets are assigned to other people or groups."),
        "clear_filter": _("Clear the filter"),
        "fetching": _("Fetching the next tickets…"),
    }  # fmt: skip


def _queue_words() -> dict[str, str]:
    return {
        "act_none": _("No open ticket is in this filter."),
        "act_one": _("1 open ticket will change."),
        "act_failed": _("The console refused it. Load the page again."),
        "act_count": _("{n} open tickets will change."),
        "act_count_more": _("More than {n} open tickets will change."),
        "act_progress": _("{n} of {total} done…"),
        "counting": _("Counting…"),
    }
