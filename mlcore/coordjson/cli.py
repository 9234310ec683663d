"""`python -m mlcore coordjson`: read answers as the evaluation does, or write them."""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlcore.coordjson.errors import AnswerError
from mlcore.coordjson.parse import parse_strict
from mlcore.coordjson.render import render
from mlcore.coordjson.report import objects_of_text, report, report_with_spans
from mlcore.coordjson.salvage import parse_salvage
from mlcore.coordjson.types import FIELD_ORDERS, CoordObject
from mlcore.errors import DataError
from mlcore.run.exits import ExitCode

REFUSED = 2
"""the exit code for a text that is not in the grammar"""


def main(argv: list[str]) -> int:
    """Read one answer and print what it holds, or the other way round; returns the exit code."""
    options = _parser().parse_args(argv)
    return guarded(options.file, _parse if options.command == "parse" else _render, options)


def guarded(
    file: str, command: Callable[[str, argparse.Namespace], str], options: argparse.Namespace
) -> int:
    """Run a command on the text of a file or standard input, print its answer or refusal."""
    text = read_text(file)
    try:
        out = command(text, options)
    except AnswerError as error:
        print(f"{file}:{error.position}: {error.rule}: {error.reason}", file=sys.stderr)
        return REFUSED
    except DataError as error:
        print(f"{file}: {error.message}", file=sys.stderr)
        return REFUSED
    print(out)
    return ExitCode.OK


def add_commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """`parse` and `render` with what both grammars take."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parse = commands.add_parser("parse", help="print what an answer holds as JSON")
    parse.add_argument("--mode", choices=("strict", "salvage"), default="strict",
                       help="refuse what is not right, or keep every right object (default strict)")
    parse.add_argument("--field-order", choices=FIELD_ORDERS, default="any",
                       help="which key each object must give first (default any)")
    parse.add_argument("--spans", action="store_true", help="with the place of everything")
    render_ = commands.add_parser("render", help="write the answer of such JSON")
    render_.add_argument("--field-order", choices=FIELD_ORDERS[:2], default="desc_first",
                         help="which key to write first (default desc_first)")
    for command in (parse, render_):
        command.add_argument("file", nargs="?", default="-", metavar="FILE",
                             help="what to read, - (the default) for standard input")
    return [parse, render_]


def read_text(name: str) -> str:
    """A file's text, or that of standard input. Raises DataError where there is none."""
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}", where=name) from error
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 at byte {error.start}", where=name) from error


def written(value: dict[str, Any]) -> str:
    """A report on one line."""
    return json.dumps(value, ensure_ascii=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore coordjson")
    add_commands(parser)
    return parser


def _parse(text: str, options: argparse.Namespace) -> str:
    if options.mode == "strict":
        parse_strict(text, options.field_order)
    found = parse_salvage(text, options.field_order)
    return written(report_with_spans(found) if options.spans else report(found))


def _render(text: str, options: argparse.Namespace) -> str:
    return render((CoordObject(*item) for item in objects_of_text(text)), options.field_order)
