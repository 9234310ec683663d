"""Reading model output: against `json.loads`, and on a megabyte that wants to be slow."""
from __future__ import annotations

import contextlib
import json
import random
import re
import time
from collections.abc import Callable

import pytest

from mlcore.coordjson import AnswerError, CoordObject, parse_salvage, parse_strict, render
from mlcore.coordjson.types import Kind
from mlcore.objectjson import PlainObject, Scale
from mlcore.objectjson import parse_salvage as salvage_numbered
from mlcore.objectjson import parse_strict as parse_numbered
from mlcore.objectjson import render as render_numbered
from tests.bench.figures import Figures
from tests.support.hostile import HEADS, HOSTILE, UNIQUE, hostile, numbered

SCALE = Scale("norm1000")
ROUNDS = 60
MEGABYTE = 1_000_000
DESCS = ("类别=螺丝,符合性=符合", "类别=挡风板,安装方向=方向正确", "类别=光纤", "cat")


def scene(count: int) -> list[CoordObject]:
    """Three boxes in four objects, the rest polygons and lines of up to eight points."""
    rng = random.Random(7)

    def one() -> CoordObject:
        kinds: list[Kind] = ["bbox_2d"] * 6 + ["poly", "line"]
        kind = rng.choice(kinds)
        points = {"bbox_2d": 2, "poly": rng.randint(4, 8), "line": rng.randint(2, 8)}[kind]
        xs, ys = ([rng.randrange(1000) for _ in range(points)] for _ in range(2))
        if kind == "bbox_2d":
            xs, ys = sorted(xs), sorted(ys)
        flat = tuple(value for pair in zip(xs, ys, strict=True) for value in pair)
        return CoordObject(rng.choice(DESCS), kind, flat)

    return [one() for _ in range(count)]


def seconds(act: Callable[[], object]) -> float:
    """CPU time, which other work on the machine disturbs less than the clock."""
    began = time.process_time()
    act()
    return time.process_time() - began


def ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """How fast ours is, theirs being 1; both take turns, the best of each counts."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    return min(pair[1] for pair in pairs) / min(pair[0] for pair in pairs)


@pytest.mark.parametrize("count", [20, 2000])
def test_strict_reading_beside_json(count: int, figures: Figures) -> None:
    objects = scene(count)
    times = max(1, 2000 // count)
    tokens = render(objects)
    plain = re.sub(r"<\|coord_(\d+)\|>", r"\1", tokens)
    plain_objects = [PlainObject(*item) for item in objects]
    keys = render_numbered(plain_objects, SCALE)
    assert parse_strict(tokens) == objects
    assert parse_numbered(keys, SCALE) == plain_objects

    def repeated(read: Callable[[str], object], text: str) -> Callable[[], object]:
        return lambda: [read(text) for _ in range(times)]

    def read_numbered(text: str) -> object:
        return parse_numbered(text, SCALE)

    coord = ratio(repeated(parse_strict, tokens), repeated(json.loads, plain))
    other = ratio(repeated(read_numbered, keys), repeated(json.loads, keys))
    figures(f"strict CoordJSON, {count} objects, of json.loads", coord, "x", ROUNDS, ">= 0.25 x")
    figures(f"strict object_N JSON, {count} objects, of json.loads", other, "x", ROUNDS)
    assert coord >= 0.25


READERS: dict[str, Callable[[str], object]] = {
    "strict CoordJSON": lambda text: parse_strict(text, "any"),
    "salvage CoordJSON": parse_salvage,
    "strict object_N JSON": lambda text: parse_numbered(text, SCALE, "any"),
    "salvage object_N JSON": lambda text: salvage_numbered(text, SCALE),
}


def _timed(read: Callable[[str], object], text: str) -> float:
    def act() -> None:
        with contextlib.suppress(AnswerError):
            read(text)

    return seconds(act)


@pytest.mark.parametrize("reader", READERS)
def test_a_hostile_megabyte(reader: str, figures: Figures) -> None:
    """The worst of many: `signs` repeat one piece, `objects` are wrong objects all unlike."""
    read = READERS[reader]
    signs = [
        _timed(read, hostile(piece, MEGABYTE, head)) for piece in HOSTILE.values() for head in HEADS
    ]
    unlike = [
        _timed(read, numbered(form, MEGABYTE, head)) for form in UNIQUE.values() for head in HEADS
    ]
    figures(f"{reader}, 1 MB of hostile signs, worst", max(signs), "s", len(signs), "<= 1 s")
    figures(f"{reader}, 1 MB of wrong objects, worst", max(unlike), "s", len(unlike))
    assert max(signs) <= 1.0
