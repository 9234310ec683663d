"""Tags and filters of every page: icons, state chips, times, figures."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.reviews.blindness import without_label
from console.reviews.words import CODES, KINDS
from console.web import formats, states
from console.web.icons import ICONS

register = template.Library()


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """One icon of the sprite. KeyError for a name that console.web.icons does not have."""
    assert name in ICONS, f"unknown icon {name}"
    return format_html(
        '<svg class="ic {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css, static("vendor/icons.svg"), name,
    )


@register.simple_tag
def state_chip(state: str, title: str = "") -> SafeString:
    """State as icon, word and colour."""
    look = states.look_of(state)
    return format_html(
        '<span class="chip chip-{}" data-state="{}" title="{}">{}<span>{}</span></span>',
        look.tone, state, title, icon(look.icon), look.word,
    )


@register.simple_tag
def kind_tag(kind: str) -> SafeString:
    """The kind of a job as icon and title."""
    return format_html(
        '<span class="kind">{}<span>{}</span></span>',
        icon(states.KIND_ICONS.get(kind, "run")), states.KIND_TITLES.get(kind, kind),
    )


@register.simple_tag
def time_ago(value: Any) -> SafeString:
    """Relative time with the exact one on hover; a dash for none."""
    moment = formats.parse_moment(value)
    if moment is None:
        return format_html('<span class="faint">{}</span>', "–")
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(), formats.exact(moment), formats.ago(moment),
    )


@register.filter
def exact_time(value: Any) -> str:
    moment = formats.parse_moment(value)
    return "–" if moment is None else formats.exact(moment)


@register.filter
def human_count(value: Any) -> str:
    return formats.count(value)


@register.filter
def human_size(value: Any) -> str:
    return formats.size(value)


@register.filter
def human_duration(value: Any) -> str:
    return formats.duration(value)


@register.filter
def figure(value: Any, digits: int = 4) -> str:
    return formats.number(value, digits)


@register.filter
def signed(value: Any, digits: int = 3) -> str:
    """A difference: its sign always stands."""
    text = formats.number(value, digits)
    return f"+{text}" if isinstance(value, (int, float)) and value > 0 else text


@register.filter
def percent(value: Any, decimals: int = 1) -> str:
    return formats.percent(value, decimals)


@register.filter
def short(value: Any, length: int = 8) -> str:
    """The head of an identifier or digest."""
    return str(value or "")[:length]


@register.filter
def kind_title(kind: str) -> str:
    return str(states.KIND_TITLES.get(kind, kind))


@register.filter
def reason(value: str) -> str:
    return states.reason_sentence(value)


@register.filter
def hint(value: str) -> str:
    return states.hint_of(value)


@register.filter
def state_word(state: str) -> str:
    """The word of a state, without its colours."""
    return str(states.look_of(state).word)


@register.filter
def review_kind(kind: str) -> str:
    """Why a ticket is in review."""
    return str(KINDS.get(kind, kind))


@register.filter
def headline(row: Mapping[str, Any], digits: int = 3) -> str:
    """The value of a headline figure; shares in percent."""
    if row["unit"] == "share":
        return formats.percent(row["value"])
    return formats.number(row["value"], digits)


@register.filter
def review_code(code: str) -> str:
    """A warning or a reason of Stage-B in words; what follows a colon stays."""
    head, colon, rest = code.partition(": ")
    return f"{CODES.get(head, head)}{colon}{rest}"


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """mapping[key] where key is a variable; None when it is not there."""
    return mapping.get(key) if mapping else None


@register.filter
def unlocalized(value: Any) -> str:
    """A number for an attribute: a point and no separators in every language."""
    return f"{float(value):.2f}"


@register.filter
def unlocalized_int(value: Any) -> str:
    """A whole number for an attribute: digits only in every language."""
    return str(int(value))


@register.filter
def visible_text(value: str) -> str:
    """A text with its line ends shown."""
    return value.replace("\n", "⏎")


@register.filter
def comparison(value: str) -> str:
    """A comparison as its sign."""
    return {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}.get(value, value)


@register.filter
def seen_keys(keys: Any, rights: Any) -> list[str]:
    """Keys of tickets; without the label on record for who may have to judge them blind."""
    return [without_label(rights, str(key)) for key in keys]
