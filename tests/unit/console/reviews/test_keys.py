"""The keys of the desk: one list, no key twice, and the scripts know every act of it."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.reviews.keys import KEYS, PAGE_KEYS, REASONS, Key, cap, collisions

ROOT = Path(__file__).resolve().parents[4]
STATIC = ROOT / "static" / "js"


def test_no_key_does_two_things() -> None:
    assert collisions() == []


@pytest.mark.parametrize("taken", ["j", "/", "Ctrl+k"])
def test_a_key_that_is_taken_is_found(taken: str) -> None:
    assert collisions([*KEYS, Key("more", (taken,), "More")]) == [taken]


def test_no_act_has_two_entries() -> None:
    acts = [key.act for key in KEYS]
    assert sorted(set(acts)) == sorted(acts)


def test_the_desk_handles_every_act_and_the_page_shows_every_key() -> None:
    script = (STATIC / "desk.js").read_text(encoding="utf-8")
    handlers = script[script.index("keys.start({") :]
    page = (ROOT / "templates" / "reviews" / "desk.html").read_text(encoding="utf-8")
    for key in KEYS:
        if key.act.startswith("reason-"):
            continue
        assert re.search(rf'[{{ "]{key.act}["]?[:,]', handlers), key.act
        opened = rf'data-(?:act|show-side)="{key.act}"[^>]*>'
        button = re.search(rf"{opened}(?:(?!</button>).)*<kbd", page)
        helped = key.fixed or key.act == "comment"
        assert button or helped, f"{key.act} has no button with its key"


def test_the_script_and_the_list_know_the_same_keys_of_every_page() -> None:
    script = (STATIC / "desk-keys.js").read_text(encoding="utf-8")
    found = re.search(r"PAGE_KEYS = \[(.*?)\]", script)
    assert found
    assert set(re.findall(r'"([^"]+)"', found.group(1))) == PAGE_KEYS


def test_nothing_is_destroyed_by_a_single_backspace() -> None:
    assert not any(key in ("Backspace", "Delete") for entry in KEYS for key in entry.keys)


def test_nine_reasons_have_digits() -> None:
    digits = [key.keys for key in KEYS if key.act.startswith("reason-")]
    assert digits == [(str(n),) for n in range(1, REASONS + 1)]


@pytest.mark.parametrize(
    ("key", "printed"), [("j", "J"), ("Shift+g", "Shift G"), ("+", "+"), ("ArrowLeft", "←")]
)
def test_keys_are_printed_as_on_a_keyboard(key: str, printed: str) -> None:
    assert cap(key) == printed
