"""A rendered example as a person can read it: its text cut by role and by what is supervised."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from mlcore.chat.kit import RenderKit
from mlcore.chat.render import UNSUPERVISED, TrainingExample


@dataclass(frozen=True)
class ViewSpan:
    """A stretch of tokens of one kind, in order and without gaps over the whole example.

    `role` is the turn it stands in (system, user, assistant; "" between turns); `name` is image,
    special, text, or the kind of an answer's piece (desc, coord, format, summary, eos). An image's
    tokens are folded into one span whose text says how many there are. `start` counts tokens.
    """

    text: str
    tokens: int
    role: str
    name: str
    supervised: bool
    start: int


def token_view(example: TrainingExample, kit: RenderKit) -> list[ViewSpan]:
    """The example's spans. Joined texts are the exact text, folded images aside."""
    ids = example.input_ids.tolist()
    names = _names(example, ids, kit)
    roles = _roles(ids, kit)
    supervised = (example.labels != UNSUPERVISED).tolist()
    keys = list(zip(names, roles, supervised, strict=True))
    out = []
    for key, group in groupby(range(len(ids)), key=keys.__getitem__):
        places = list(group)
        (name, _), role, learned = key
        stretch = ids[places[0] : places[-1] + 1]
        text = kit.decode(stretch)
        if name == "image":
            text = f"<|image_pad|>×{len(stretch)}"
        out.append(ViewSpan(text, len(stretch), role, name, learned, places[0]))
    return out


def _names(example: TrainingExample, ids: list[int], kit: RenderKit) -> list[tuple[str, int]]:
    """The kind of every token, and a number that keeps neighbours of one kind apart."""
    out = []
    for id_ in ids:
        if id_ == kit.ids.image_pad:
            out.append(("image", 0))
        else:
            out.append(("special" if id_ in kit.names else "text", 0))
    for number, span in enumerate(example.spans, start=1):
        for place in range(span.start, span.stop):
            out[place] = (span.name, number)
    for number, place in enumerate(p for p, id_ in enumerate(ids) if id_ == kit.ids.vision_start):
        for step in range(place + 1, len(ids)):
            if ids[step] != kit.ids.image_pad:
                break
            out[step] = ("image", number)
    return out


def _roles(ids: list[int], kit: RenderKit) -> list[str]:
    """The turn of every token: from its start to its end token, the role's name included."""
    out: list[str] = []
    role = ""
    for place, id_ in enumerate(ids):
        if id_ == kit.ids.im_start:
            role = _role_at(ids, place + 1, kit)
        out.append(role)
        if id_ == kit.ids.im_end:
            role = ""
    return out


def _role_at(ids: list[int], place: int, kit: RenderKit) -> str:
    for name in ("system", "user", "assistant"):
        words = list(kit.encode(f"{name}\n"))
        if ids[place : place + len(words)] == words:
            return name
    return ""
