"""`python -m mlcore answer IMAGE --model REF`: one image, one answer.

The answer goes to stdout, with --stream while its tokens come; what is known of it to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlcore.chat.config import MessagesConfig
from mlcore.chat.prompts import MODES
from mlcore.config.load import load_config
from mlcore.contract.records import Record
from mlcore.coordjson import AnswerError
from mlcore.coordjson.format import read_answer
from mlcore.errors import ConfigError, DataError
from mlcore.models.images import read_rgb
from mlcore.predict.config import PredictConfig, SamplingConfig
from mlcore.run.context import resolve_ref
from mlcore.run.exits import ExitCode
from mlcore.train.config import SftConfig

LONGEST = 8192
"""most tokens that may be asked for"""


def main(argv: Sequence[str]) -> int:
    """Answer one image and return the exit code. Raises ConfigError and DataError on bad input."""
    options = _parser().parse_args(list(argv))
    messages = _messages(options.like)
    if options.mode not in messages.modes:
        raise ConfigError(f"{options.like} has no words for the task {options.mode}")
    sampling = _sampling(options)
    if not options.image.is_file():
        raise DataError("there is no such image", where=str(options.image))
    from mlcore.predict.single import Single

    folder = resolve_ref(options.model, {}, Path.cwd())
    model = Single(folder, messages, options.dtype, options.adapter)
    pixels = read_rgb(options.image)
    height, width = pixels.shape[:2]
    record = Record(options.image.name, (options.image.name,), width, height, "pixel", (), None)
    began = time.monotonic()
    said = model.answer(
        record,
        pixels,
        options.mode,
        sampling,
        options.seed,
        options.max_new_tokens,
        _printer() if options.stream else None,
    )
    seconds = time.monotonic() - began
    report: dict[str, Any] = {
        "text": said.text,
        "finished": said.generated.finished,
        "new_tokens": said.generated.new_tokens,
        "seconds": round(seconds, 3),
        "objects": None if said.confidences is None else [c._asdict() for c in said.confidences],
        "fault": _fault(said.text, record, messages) if options.mode == "dense" else "",
    }
    if options.json:
        report["token_ids"] = list(said.generated.token_ids)
        print(json.dumps(report, ensure_ascii=False))
    else:
        print("" if options.stream else said.text)
        print(_words(report, options.mode), file=sys.stderr)
    return ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore answer", description=__doc__)
    parser.add_argument("image", type=Path, metavar="IMAGE")
    parser.add_argument(
        "--model", required=True, metavar="REF", help="a checkpoint folder, or builtin:NAME"
    )
    parser.add_argument(
        "--adapter", type=Path, metavar="DIR", help="an adapter made for that checkpoint"
    )
    parser.add_argument("--mode", choices=MODES, default="dense")
    parser.add_argument(
        "--like",
        type=Path,
        metavar="FILE",
        help="an sft or predict config: its `messages` say what is asked and how it is answered",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stream", action="store_true", help="print the answer while it is written")
    how.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--temperature", type=float, default=0.0, help="0: the likeliest tokens")
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--repetition-penalty", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-new-tokens", type=int, default=1024)
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    return parser


def _messages(file: Path | None) -> MessagesConfig:
    if file is None:
        return MessagesConfig()
    config = load_config(file).model
    if not isinstance(config, SftConfig | PredictConfig):
        raise ConfigError(f"{file} is of kind {config.kind}: it asks no model anything")
    return config.messages


def _sampling(options: argparse.Namespace) -> SamplingConfig:
    if not 1 <= options.max_new_tokens <= LONGEST:
        raise ConfigError(f"--max-new-tokens is a whole number from 1 to {LONGEST}")
    if not 0 <= options.seed < 2**32:
        raise ConfigError("--seed is a whole number from 0, below 2^32")
    given = {name: vars(options)[name] for name in SamplingConfig.model_fields}
    try:
        return SamplingConfig.model_validate(given)
    except ValidationError as error:
        faults = [f"--{e['loc'][0]}: {e['msg']}".replace("_", "-") for e in error.errors()]
        raise ConfigError("; ".join(faults)) from error


def _printer() -> Callable[[str], None]:
    def show(piece: str) -> None:
        sys.stdout.write(piece)
        sys.stdout.flush()

    return show


def _fault(text: str, record: Record, messages: MessagesConfig) -> str:
    try:
        read_answer(text, messages.answer, record.width, record.height)
    except AnswerError as error:
        return f"unreadable at character {error.position}: {error.reason}"
    return ""


def _words(report: dict[str, Any], mode: str) -> str:
    tokens, seconds = report["new_tokens"], report["seconds"]
    parts = [
        f"{tokens} tokens in {seconds:.2f} s ({tokens / max(seconds, 1e-9):.0f} tokens/s)",
        "finished" if report["finished"] else "cut at the token limit",
    ]
    if mode == "dense":
        found = report["objects"] or []
        parts.append(f"{len(found)} objects")
        if found:
            least = min(found, key=lambda row: row["mean"])
            place = report["text"][least["start"] : least["stop"]]
            parts.append(f"least sure ({least['mean']:.3f}) of {place}")
    if report["fault"]:
        parts.append(report["fault"])
    return "; ".join(parts)
