"""The strings of pages and code that a translation must have, read from the sources.

    python -m console.web.messages [LOCALE]      lists what the catalogue of LOCALE lacks
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {
    **DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2), "gettext_noop": None,
}  # fmt: skip
Message = tuple[str, str]
"""(context, text); the singular of a plural"""


def source_messages() -> set[Message]:
    """Every translatable string of console/ and templates/."""
    found: set[Message] = set()
    for path in sorted((ROOT / "console").rglob("*.py")):
        found.update(_messages(path.read_bytes()))
    for path in sorted((ROOT / "templates").rglob("*.html")):
        found.update(_messages(templatize(path.read_text(encoding="utf-8")).encode()))
    return found


def translated_messages(locale: str) -> set[Message]:
    """What a catalogue translates, fuzzy entries left out."""
    with (ROOT / "locale" / locale / "LC_MESSAGES" / "django.po").open("rb") as file:
        catalog = read_po(file)
    out = set()
    for message in catalog:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        text = message.id[0] if isinstance(message.id, tuple) else message.id
        if text and all(texts) and not message.fuzzy:
            out.add((message.context or "", text))
    return out


def _messages(source: bytes) -> Iterator[Message]:
    for _line, text, _comments, context in extract("python", BytesIO(source), KEYWORDS):
        yield context or "", text[0] if isinstance(text, tuple) else text


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else "zh_Hans"
    for context, text in sorted(source_messages() - translated_messages(wanted)):
        sys.stdout.write(f"{context!r} {text!r}\n")
