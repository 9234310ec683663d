"""Numbers, sizes, durations and times as people read them."""
from __future__ import annotations

import math
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MINUTE, HOUR, DAY = 60, 3600, 86400
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")


def count(value: float | int | None) -> str:
    """An integer with separators, the same in every language: 4888 -> 4,888."""
    return "–" if value is None else f"{int(value):,}"


def number(value: object, digits: int = 4) -> str:
    """A figure with at most `digits` significant digits; words and None pass through."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return count(value)
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.{max(digits - 2, 1)}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{min(decimals, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None, decimals: int = 1) -> str:
    """A share of one as percent."""
    return "–" if share is None else f"{100 * share:.{decimals}f} %"


def size(value: float | int | None) -> str:
    """Bytes in decimal units with three significant digits."""
    if value is None:
        return "–"
    amount, unit = float(value), 0
    while amount >= 1000 and unit < len(_BYTE_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    text = f"{amount:.0f}" if unit == 0 or amount >= 100 else f"{amount:.1f}"
    return f"{text} {_BYTE_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """Seconds as at most two units: 3 725 -> 1 h 2 min."""
    if seconds is None:
        return "–"
    total = max(0.0, float(seconds))
    if total < 1:
        return _("%(n)d ms") % {"n": round(total * 1000)}
    if total < 10:
        return _("%(n)s s") % {"n": f"{total:.1f}"}
    whole = round(total)
    if whole < MINUTE:
        return _("%(n)s s") % {"n": whole}
    if whole < HOUR:
        return _("%(m)d min %(s)d s") % {"m": whole // MINUTE, "s": whole % MINUTE}
    if whole < DAY:
        return _("%(h)d h %(m)d min") % {"h": whole // HOUR, "m": whole % HOUR // MINUTE}
    return _("%(d)d d %(h)d h") % {"d": whole // DAY, "h": whole % DAY // HOUR}


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in one unit; moments of the future read as `in ...`."""
    seconds = ((now or timezone.now()) - moment).total_seconds()
    if seconds < 0:
        return _("in %(time)s") % {"time": duration(-seconds)} if seconds < -5 else _("just now")
    if seconds < 10:
        return _("just now")
    if seconds < MINUTE:
        return _("%(n)d s ago") % {"n": seconds}
    if seconds < HOUR:
        return _("%(n)d min ago") % {"n": seconds // MINUTE}
    if seconds < DAY:
        return _("%(n)d h ago") % {"n": seconds // HOUR}
    days = int(seconds // DAY)
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}


def exact(moment: datetime) -> str:
    """A moment to the second, in the current time zone."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S %Z")


def parse_moment(value: object) -> datetime | None:
    """A datetime from a datetime or an ISO text, else None."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, str) and value:
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
