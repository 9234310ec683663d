"""`python -m mlcore objectjson`: the same as `coordjson` for answers in object_N JSON."""
from __future__ import annotations

import argparse
from typing import Any

from mlcore.coordjson.cli import add_commands, guarded, written
from mlcore.coordjson.report import objects_of_text, plain, report, report_with_spans
from mlcore.objectjson.prefix import Prefix, parse_prefixed, read_prefix
from mlcore.objectjson.render import render
from mlcore.objectjson.salvage import parse_salvage
from mlcore.objectjson.scale import (
    EMIT_NORMS,
    PlainObject,
    Scale,
    pixels_of,
    to_coord_object,
)

SPACES = ("written", "bins", "pixels")


def main(argv: list[str]) -> int:
    """Read one answer and print what it holds, or the other way round; returns the exit code."""
    options = _parser().parse_args(argv)
    return guarded(options.file, _parse if options.command == "parse" else _render, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore objectjson")
    parse, render_ = add_commands(parser)
    for command in (parse, render_):
        command.add_argument("--emit-norm", choices=EMIT_NORMS, default="norm1000",
                             help="what the numbers are: pixels (none), 0..99, 0..999 (default)")
        command.add_argument("--width", type=int, default=0, help="of the image, in pixels")
        command.add_argument("--height", type=int, default=0, help="of the image, in pixels")
    parse.add_argument("--space", choices=SPACES, default="written",
                       help="print numbers as written (default), as bins 0..999 or in pixels")
    return parser


def _parse(text: str, options: argparse.Namespace) -> str:
    scale = Scale(options.emit_norm, options.width, options.height)
    prefix: Prefix | None = read_prefix(text)
    if options.mode == "strict":
        parse_prefixed(text, scale, options.field_order)
    found = parse_salvage(text, scale, options.field_order)
    out = report_with_spans(found) if options.spans else report(found)
    for row, item in zip(out["records"], found.items, strict=True):
        row |= _in_space(item, scale, options.space)
    if prefix:
        out["prefix"] = {"domain": prefix.domain, "task": prefix.task}
    return written(out)


def _in_space(item: PlainObject, scale: Scale, space: str) -> dict[str, Any]:
    if space == "bins":
        return plain(to_coord_object(item, scale))
    if space == "pixels":
        return plain((item.desc, item.kind, pixels_of(item, scale)))
    return plain(item)


def _render(text: str, options: argparse.Namespace) -> str:
    scale = Scale(options.emit_norm, options.width, options.height)
    objects = (PlainObject(*item) for item in objects_of_text(text))
    return render(objects, scale, options.field_order)
