"""`python -m mlcore data validate PATH`: check a JSONL file or a dataset folder."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from mlcore.contract.check_run import Check, CheckOptions, Progress
from mlcore.contract.problem_log import rejects_file
from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import Sink, validate_file, verify_dataset
from mlcore.errors import ConfigError
from mlcore.run.exits import ExitCode

SHOWN_PROBLEMS = 50
PROGRESS_SECONDS = 0.2
CLEAR_LINE = "\r\x1b[K"


def add_parser(commands: Any) -> None:
    """Add the subcommand to those of `data`."""
    parser = commands.add_parser(
        "validate",
        help="check a JSONL file or a dataset folder",
        description="Check every line, geometry and image. Exit 0 within the reject share, else 3; "
        "3 also when a folder is not what its dataset.json and images.jsonl say.",
    )
    parser.add_argument("path", type=Path, help="FILE.jsonl, or a folder with dataset.json")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--max-reject-share", type=share, default=0.0, metavar="SHARE")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="write every problem here")
    parser.add_argument(
        "--image-root", type=Path, metavar="DIR", help="images of a FILE; its folder by default"
    )
    parser.add_argument(
        "--images",
        choices=("headers", "full"),
        default="full",
        help="headers: only that they are there and of the right kind and size; "
        "full: also read each one whole, for its SHA-256 and damage (default)",
    )
    parser.add_argument("--workers", type=_workers, metavar="N", help="processes; default: cores")
    parser.add_argument("--max-pixels", type=_pixels, metavar="N", help="cap on width x height")
    parser.set_defaults(run=run)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to 1")
    return value


def _workers(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError(f"{text} is not a number of processes from 1 to 64")
    return value


def _pixels(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of pixels")
    return value


def run(options: argparse.Namespace) -> int:
    """Check, print what was found, and return the exit code."""
    with ExitStack() as stack:
        rejects = stack.enter_context(rejects_file(options.rejects))
        spool = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
        progress = stack.enter_context(TerminalProgress(sys.stderr))

        def sink(row: Mapping[str, Any]) -> None:
            rejects(row)
            spool.write(json.dumps(row, ensure_ascii=False) + "\n")

        result = _check(options, sink, progress)
        progress.clear()
        spool.seek(0)
        rows = (json.loads(line) for line in spool)
        if options.json:
            _print_json(result, rows)
        else:
            _print_text(result, rows)
        _print_remedy(options, result)
    passed = result.reject_share <= options.max_reject_share and not result.differences
    return int(ExitCode.OK if passed else ExitCode.DATA)


def _check(options: argparse.Namespace, sink: Sink, progress: Progress) -> Check:
    path: Path = options.path
    how = CheckOptions(options.images, options.workers, options.max_pixels)
    if not path.is_dir():
        return validate_file(path, options.image_root, how, sink=sink, progress=progress)
    if options.image_root is not None:
        raise ConfigError(
            "--image-root is for a JSONL file", hint="A dataset folder holds its own images."
        )
    return verify_dataset(open_dataset(path), how, sink=sink, progress=progress)


def _print_json(result: Check, rows: Iterator[dict[str, Any]]) -> None:
    """One object, printed piece by piece: there may be more problems than memory."""
    head = {"records": result.lines, "valid": result.valid, "rejected": result.rejected}
    print(json.dumps(head)[:-1], end=', "problems": [')
    for number, row in enumerate(rows):
        del row["record"]
        print(", " if number else "", json.dumps(row, ensure_ascii=False), sep="", end="")
    covers = ["records", "images"] if result.fingerprint else ["records"]
    tail = {
        "by_rule": result.by_rule,
        "differences": result.differences,
        "splits": result.splits,
        "images": result.images,
        "fingerprint": result.fingerprint or result.records_fingerprint,
        "fingerprint_covers": covers,
        "records_fingerprint": result.records_fingerprint,
    }
    print("], " + json.dumps(tail, ensure_ascii=False)[1:])


def _print_text(result: Check, rows: Iterator[dict[str, Any]]) -> None:
    for row in islice(rows, SHOWN_PROBLEMS):
        place = f"{row['file']}:{row['line']}: {row['path'] or 'record'}"
        print(f"{place}: {row['message']} [{row['rule']}]")
    total = sum(result.by_rule.values())
    if total > SHOWN_PROBLEMS:
        print(f"... and {total - SHOWN_PROBLEMS:,} more; --json and --rejects FILE have all")
        for rule, count in result.by_rule.items():
            print(f"  {rule}: {count:,}")
    print(f"{result.lines} records: {result.valid} valid, {result.rejected} rejected")
    if result.differences:
        print(f"{result.differences} differences from dataset.json and images.jsonl")
    if result.fingerprint:
        print(f"fingerprint {result.fingerprint}")
    else:
        print(f"fingerprint of the records alone {result.records_fingerprint}")


def _print_remedy(options: argparse.Namespace, result: Check) -> None:
    """Where missing images of a file lie, if they are near; they are never read from there."""
    if options.path.is_dir() or options.image_root or "image.missing" not in result.by_rule:
        return
    missing = next((p for p in result.problems if p.rule == "image.missing"), None)
    name = missing.message.partition(": ")[0] if missing else ""
    for folder in (options.path.parent.parent, options.path.parent / "images", Path()):
        if name and (folder / name).is_file():
            print(f"hint: {name} is below {folder}; give --image-root {folder}", file=sys.stderr)
            return


class TerminalProgress:
    """Progress on one line of a terminal; nothing where the stream is none. Use as a context."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._last = 0.0
        self._began: dict[str, float] = {}

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.clear()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        now = time.monotonic()
        began = self._began.setdefault(what, now)
        if not self._shown or now - self._last < PROGRESS_SECONDS:
            return
        self._last = now
        left = (now - began) * (total - done) / max(done, 1)
        text = f"{what} {done:,} of {total:,}, {done / max(total, 1):.0%}, about {left:.0f} s left"
        self._stream.write(CLEAR_LINE + text)
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown and self._last:
            self._stream.write(CLEAR_LINE)
            self._stream.flush()
