"""The keys of the review desk: the one list from which buttons, help and scripts take them.

A key is written as the script names it: a letter in lower case, `Shift+g` for a capital, `Ctrl+z`
with the control (or command) key, anything else as the browser calls it, `Space` for the space bar.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Key:
    """What a press of any of `keys` does."""

    act: str
    keys: tuple[str, ...]
    title: str | Promise
    fixed: bool = False
    """a reader cannot put it on another key"""


REASONS = 9
"""reasons that have a digit; the others are clicked"""
KEYS: tuple[Key, ...] = (
    Key("pass", ("j",), _("Pass")),
    Key("fail", ("k",), _("Fail")),
    Key("unsure", ("l",), _("Unsure: somebody else has to decide")),
    Key("broken", ("x",), _("Broken: an image is missing, damaged or of something else")),
    *(
        Key(f"reason-{n}", (str(n),), _("Choose a reason"), fixed=True)
        for n in range(1, REASONS + 1)
    ),
    Key("confirm", ("Enter",), _("Confirm the decision that asked for a reason"), fixed=True),
    Key("disarm", ("Escape",), _("Take the choice back; leave the comment"), fixed=True),
    Key("undo", ("u", "Ctrl+z"), _("Undo the last decision")),
    Key("skip", ("s",), _("Skip: the ticket goes to others first")),
    Key("comment", ("c",), _("Write a comment")),
    Key("next-image", ("ArrowRight",), _("Next image"), fixed=True),
    Key("previous-image", ("ArrowLeft",), _("Previous image"), fixed=True),
    Key("zoom-in", ("+", "="), _("Closer; from the grid, open the image"), fixed=True),
    Key("zoom-out", ("-",), _("Farther; at last, back to the grid"), fixed=True),
    Key("zoom-fit", ("0",), _("Fit the image; again, back to the grid"), fixed=True),
    Key("original", ("Space",), _("While held: the image without what is drawn on it"), fixed=True),
    Key("truth", ("Shift+g",), _("Draw the truth")),
    Key("prediction", ("p",), _("Draw the prediction")),
    Key("both", ("b",), _("Draw both")),
    Key("none", ("h",), _("Draw nothing")),
    Key("help", ("?",), _("Show these keys"), fixed=True),
)
PAGE_KEYS = frozenset({"g", "/", "Ctrl+k"})
"""what every page answers to, the desk too: go to a place, search"""
_KEY = re.compile(r"(?:Shift\+|Ctrl\+)?[a-z]|F(?:[1-9]|1[0-2])|[,.;'\[\]\\]")
"""what an act can be put on: nothing that edits a text, moves the focus or erases"""


def collisions(keys: Sequence[Key] = KEYS) -> list[str]:
    """Keys that would do two things."""
    counted = Counter(name for key in keys for name in key.keys)
    return sorted(n for n, times in counted.items() if times > 1 or n in PAGE_KEYS)


def problems(own: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a person's own keys, by act: an act that there is not or that stays where
    it is, no key, a key that another act has or that every page answers to."""
    known = {key.act: key for key in KEYS}
    out = {}
    for act, name in own.items():
        if act not in known or known[act].fixed:
            out[act] = "there is no such act, or it has a fixed key"
        elif not _KEY.fullmatch(name):
            out[act] = "a letter, also with Shift or Ctrl, or a function key"
    if out:
        return out
    taken = set(collisions(remapped(own)))
    return {act: f"{cap(name)} does something else already" for act, name in own.items()
            if name in taken}  # fmt: skip


def remapped(own: Mapping[str, str]) -> tuple[Key, ...]:
    """The list with a person's own keys in the first place of their acts."""
    return tuple(
        replace(key, keys=(own[key.act], *key.keys[1:])) if key.act in own else key for key in KEYS
    )


def key_caps(keys: Sequence[Key] = KEYS) -> dict[str, str]:
    """The first key of every act as it is printed on a button."""
    return {key.act.replace("-", "_"): cap(key.keys[0]) for key in keys}


def cap(key: str) -> str:
    """A key as it is printed: `j` -> J, `Shift+g` -> Shift G."""
    signs = {"ArrowRight": "→", "ArrowLeft": "←", "Enter": "↵", "Escape": "Esc", "-": "−"}
    parts = key.split("+") if len(key) > 1 else [key]
    return " ".join(signs.get(p, p.upper() if len(p) == 1 else p) for p in parts)
