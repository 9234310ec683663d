"""The translation is whole and says each thing once."""
from __future__ import annotations

import re
from collections import Counter

from console.web.messages import ROOT, source_messages, translated_messages

ENTRY = re.compile(r"^((?:msgctxt .*\n)?msgid (?:\".*\"\n)+)", re.MULTILINE)


def test_every_string_has_a_chinese_translation() -> None:
    assert sorted(source_messages() - translated_messages("zh_Hans")) == []


def test_no_string_is_translated_twice() -> None:
    text = (ROOT / "locale/zh_Hans/LC_MESSAGES/django.po").read_text(encoding="utf-8")
    found = Counter(ENTRY.findall(text))
    assert len(found) > 1000
    assert [entry for entry, n in found.items() if n > 1] == []
