"""The translation is whole, and icons exist."""
from __future__ import annotations

from console.web.messages import source_messages, translated_messages


def test_every_string_has_a_chinese_translation() -> None:
    assert sorted(source_messages() - translated_messages("zh_Hans")) == []
