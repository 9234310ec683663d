"""Texts that make careless parsers slow."""
from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from mlcore.coordjson import AnswerError

BOX = '{"desc": "a", "bbox_2d": [<|coord_1|>, <|coord_2|>, <|coord_3|>, <|coord_4|>]}'
HOSTILE: dict[str, str] = {
    "braces": "{",
    "brackets": "[",
    "closing braces": "}",
    "quotes": '"',
    "backslashes": "\\",
    "braces and brackets": "{[",
    "braces and words": "{a",
    "pairs of braces": "{}",
    "pairs of brackets": "[]",
    "braces and quotes": '{"',
    "braces and escaped quotes": '{\\"',
    "escaped quotes": '\\"',
    "blanks after braces": "{  ",
    "tokens": "<|coord_1|>",
    "commas": ",",
    "keys": '{"desc":',
    "open descriptions": '{"desc": "',
    "descriptions of braces": '{"desc": "{',
    "descriptions of escapes": '{"desc": "\\"{',
    "half objects": '{"desc": "a", "bbox_2d": [<|coord_1|>, ',
    "half objects, numbers": '{"desc": "a", "poly": [[1, 2], ',
    "half objects, geometry first": '{"line": [<|coord_1|>, <|coord_2|>], "desc": "a',
    "wrong objects": '{"desc":}',
    "nested wrong objects": '{"desc":{',
    "lists": '{"objects":[',
    "numbered": '{"object_1":',
    "mismatched": "{]",
    "lists that close early": '{"objects":[{]',
    "right objects": BOX + ", ",
}
HEADS = ("", '{"objects": [', '{"object_1": ', '{"objects": [{"desc": "')


def hostile(piece: str, size: int, head: str = "") -> str:
    """`size` characters of a piece repeated, after a head."""
    return (head + piece * (size // len(piece) + 1))[:size]


def numbered(form: str, size: int, head: str = "") -> str:
    """As `hostile`, no two pieces alike: `form` takes a number."""
    parts, length, count = [head], len(head), 0
    while length < size:
        parts.append(form.format(count))
        length += len(parts[-1])
        count += 1
    return "".join(parts)[:size]


UNIQUE: dict[str, str] = {
    "entries of numbers": "{{{0}}},",
    "entries of keys": '{{"{0}":1}},',
    "wrong descriptions": '{{"desc":{0}}},',
    "wrong boxes": '{{"desc":"{0}","bbox_2d":[]}},',
    "short boxes": '{{"desc":"{0}","bbox_2d":[1,2,3]}},',
    "all unlike boxes": '{{"desc":"{0}","bbox_2d":[{0},1,2]}},',
    "numbers": "{0},",
    "strings": '"{0}",',
    "right boxes": '{{"desc":"{0}","bbox_2d":[1,2,3,4]}},',
    "right numbered boxes": '"object_1":{{"desc":"{0}","bbox_2d":[1,2,3,4]}},',
}


def growth(read: Callable[[str], object], make: Callable[[int], str]) -> float:
    """CPU time for 8 times as much text, over the time for the text: linear work gives about 8,
    quadratic 64. The smallest of up to six tries, since other work on the machine disturbs it."""
    small, large = make(10_000), make(80_000)
    ratios = [1e9]
    while len(ratios) < 7 and ratios[-1] > 16:
        ratios.append(_seconds(read, large) / min(_seconds(read, small) for _ in range(3)))
    return min(ratios)


def _seconds(read: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    with contextlib.suppress(AnswerError):
        read(text)
    return max(time.process_time() - began, 2e-4)
