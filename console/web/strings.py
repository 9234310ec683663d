"""The words that scripts show. Pages carry them as one JSON block in the reader's language."""
from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def script_strings() -> dict[str, str]:
    """Name -> sentence; `{n}` and the like are filled in by the script."""
    return {
        "now": _("just now"),
        "s_ago": _("{n} s ago"),
        "min_ago": _("{n} min ago"),
        "h_ago": _("{n} h ago"),
        "copied": _("Copied"),
        "copy_failed": _("Copying was refused by the browser"),
        "nothing_found": _("Nothing found"),
        "offline": _("The console does not answer. Values may be old; trying again…"),
        "failed_to_load": _("This could not be loaded."),
        "no_points": _("No points yet."),
        "no_vote": pgettext("vote strength", "none"),
        "step": _("step"),
        "seconds_since_first": _("seconds since the first point"),
        "selected_one": _("1 run chosen"),
        "selected_many": _("{n} runs chosen"),
        "selected_limit": _("At most {n} runs can be compared."),
        "matches": _("{n} matches"),
        "checking": _("Checking…"),
        "config_ok": _("The config is valid."),
        "problems_one": _("1 problem"),
        "problems_many": _("{n} problems"),
        "no_log": _("The log is empty so far."),
        "of": _("{a} of {b}"),
        "no_image": _("The image could not be loaded."),
        "add_refused": _("Give a dataset and a ratio from 0 to 1000."),
        "own_ticket": _("(a ticket of its own)"),
        "tickets_found": _("{n} images, {t} tickets"),
        "upload_sent": _("{name}: {a} of {b} sent"),
        "upload_checking": _("{name}: being checked…"),
        "upload_done": _("{name} is here ({b}). It is unpacked when the import runs."),
        "upload_too_large": _("The file is larger than {most}, the most that this console takes. "
                              "Put the folder on a host and give its path."),
        "upload_stopped": _("The upload was stopped; nothing was kept."),
        "upload_broken": _("The connection broke and nothing was kept. Choose the file again."),
        "check_unreachable": _("The check did not answer; what you typed is kept."),
    }
