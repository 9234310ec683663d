"""`python -m mlcore coordjson`: read answers as the evaluation does, or bring them to one form."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mlcore.coordjson.errors import CoordJsonError
from mlcore.coordjson.parse import parse_strict
from mlcore.coordjson.render import render
from mlcore.coordjson.types import FIELD_ORDERS, CoordObject
from mlcore.errors import DataError
from mlcore.run.exits import ExitCode


def main(argv: list[str]) -> int:
    """Parse one answer and print it; returns the exit code."""
    options = _parser().parse_args(argv)
    text = _text(options.file)
    try:
        objects = parse_strict(text.rstrip("\n"), options.order)
    except CoordJsonError as error:
        print(f"{options.file}:{error.position}: {error.rule}: {error.reason}", file=sys.stderr)
        return ExitCode.DATA
    if options.command == "parse":
        print(json.dumps([_plain(item) for item in objects], ensure_ascii=False, indent=2))
    else:
        print(render(objects, options.to))
    return ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore coordjson")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parse = commands.add_parser("parse", help="print an answer's objects as JSON with numbers")
    normal = commands.add_parser("render", help="print an answer in its canonical form")
    for command in (parse, normal):
        command.add_argument("file", help="a file that holds one answer, or - for standard input")
        command.add_argument("--order", choices=FIELD_ORDERS, default="any",
                             help="which key each object must give first")
    normal.add_argument("--to", choices=FIELD_ORDERS[:2], default="desc_first",
                        help="which key to write first")
    return parser


def _text(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}", where=name) from error
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 at byte {error.start}", where=name) from error


def _plain(item: CoordObject) -> dict[str, object]:
    return {"desc": item.desc, item.kind: list(item.bins)}
