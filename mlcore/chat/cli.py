"""`python -m mlcore messages show ...`: a sample as the model sees it.

Prints the messages, the exact text with image tokens folded, how many tokens there are, and every
stretch that is supervised. Of a dataset's record, or of a conversation written by hand.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from mlcore.chat.config import MessagesConfig
from mlcore.chat.fetch import Fetcher
from mlcore.chat.health import check_examples
from mlcore.chat.kit import RenderKit
from mlcore.chat.messages import (
    Conversation,
    read_conversation,
    record_conversation,
    to_messages,
)
from mlcore.chat.prompts import MODES, PROFILES, SummaryForm
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.chat.view import ViewSpan, token_view
from mlcore.contract.domains import DOMAINS
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.coordjson.types import FIELD_ORDERS
from mlcore.errors import ConfigError, DataError, GatehouseError
from mlcore.geometry.order import POLICIES
from mlcore.near import did_you_mean
from mlcore.objectjson.scale import EMIT_NORMS
from mlcore.run.context import BUILTIN
from mlcore.run.exits import ExitCode

SHOWN_DATA = 96
"""characters of a data URL that are printed"""
_CONFIG = (
    "profile", "summary_profile", "domain", "mission", "system", "user", "summary_form",
    "assistant_prefix", "object_order",
)
_ANSWER = ("grammar", "emit_norm", "field_order")


def main(argv: Sequence[str]) -> int:
    """Show one sample and return the exit code; faults go to stderr as sentences."""
    options = _parser().parse_args(list(argv))
    try:
        conversation, example, kit = _rendered(options)
    except GatehouseError as error:
        where = f"{error.where}: " if error.where else ""
        print(f"error: {where}{error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return int(error.exit_code)
    spans = token_view(example, kit)
    if options.json:
        print(json.dumps(_report(conversation, example, spans), ensure_ascii=False))
    else:
        _print(conversation, example, spans)
    return int(ExitCode.OK)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore messages", description=__doc__)
    show = parser.add_subparsers(dest="command", required=True).add_parser(
        "show", help="a sample as the model sees it"
    )
    show.add_argument("dataset", type=Path, nargs="?", help="a dataset folder")
    show.add_argument("--split", default="train")
    show.add_argument("--record", metavar="ID", help="the record's id; the first one by default")
    show.add_argument("--mode", choices=MODES, default="dense")
    show.add_argument("--model", default="builtin:base", metavar="REF",
                      help="whose tokenizer and image settings: a checkpoint folder, builtin:NAME")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    own = show.add_argument_group("a conversation written by hand, instead of a dataset")
    own.add_argument("--payload", type=Path, metavar="FILE.json", help='{"messages": [...]}')
    own.add_argument("--root", type=Path, metavar="DIR",
                     help="images are read from here only; the payload's folder by default")
    own.add_argument("--allow-http", action="store_true", help="fetch images from http(s) URLs")
    own.add_argument("--allow-private-hosts", action="store_true",
                     help="with --allow-http: also from hosts inside a network")
    words = show.add_argument_group("what is asked and how it is answered")
    words.add_argument("--profile", choices=PROFILES)
    words.add_argument("--summary-profile")
    words.add_argument("--domain", choices=DOMAINS)
    words.add_argument("--mission")
    words.add_argument("--system")
    words.add_argument("--user")
    words.add_argument("--summary-form", choices=get_args(SummaryForm))
    words.add_argument("--assistant-prefix", metavar="TEXT")
    words.add_argument("--object-order", choices=POLICIES)
    words.add_argument("--grammar", choices=["coordjson", "objectjson"])
    words.add_argument("--emit-norm", choices=EMIT_NORMS)
    words.add_argument("--field-order", choices=FIELD_ORDERS)
    return parser


def _rendered(options: argparse.Namespace) -> tuple[Conversation, TrainingExample, RenderKit]:
    if (options.payload is None) == (options.dataset is None):
        raise ConfigError("give a dataset folder or --payload, one of the two")
    kit = RenderKit.from_folder(_checkpoint(options.model))
    config = _messages(options)
    if options.payload is not None:
        fetch = Fetcher(private=options.allow_private_hosts) if options.allow_http else None
        conversation = read_conversation(_json(options.payload), options.payload.name)
        root = options.root or options.payload.parent
        example = Renderer(kit, config, fetch=fetch).conversation_example(conversation, root)
        return conversation, example, kit
    dataset = open_dataset(options.dataset)
    record = _record(dataset, options.split, options.record)
    conversation = record_conversation(record, options.mode, config, dataset.name)
    renderer = Renderer(kit, config, dataset=dataset.name)
    example = renderer.training_example(record, dataset.folder, options.mode)
    check_examples([example], kit, dataset.name)
    return conversation, example, kit


def _checkpoint(ref: str) -> Path:
    return BUILTIN / ref.removeprefix("builtin:") if ref.startswith("builtin:") else Path(ref)


def _messages(options: argparse.Namespace) -> MessagesConfig:
    given = vars(options)
    values: dict[str, Any] = {k: given[k] for k in _CONFIG if given[k] is not None}
    values["answer"] = {k: given[k] for k in _ANSWER if given[k] is not None}
    try:
        return MessagesConfig.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            ": ".join(filter(None, [".".join(map(str, e["loc"])), _sentence(e["msg"])]))
            for e in error.errors()
        )
        raise ConfigError(faults) from error


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _record(dataset: Dataset, split: str, identity: str | None) -> Record:
    records = dataset.split(split)
    for record in records:
        if identity in (None, record.id):
            return record
    hint = did_you_mean(identity or "", [r.id for r in records][:20])
    raise DataError(f"the split {split} has no record {identity!r}", hint=hint)


def _report(
    conversation: Conversation, example: TrainingExample, spans: Sequence[ViewSpan]
) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "messages": to_messages(conversation),
        "text": "".join(span.text for span in spans),
        "tokens": len(example),
        "image_tokens": sum(span.tokens for span in spans if span.name == "image"),
        "supervised_tokens": sum(span.tokens for span in spans if span.supervised),
        "spans": [vars(span) for span in spans],
    }


def _print(
    conversation: Conversation, example: TrainingExample, spans: Sequence[ViewSpan]
) -> None:
    report = _report(conversation, example, spans)
    print("messages")
    for message in report["messages"]:
        print(f"  {message['role']}")
        for part in message["content"]:
            value = part[part["type"]]
            if part["type"] == "image" and len(value) > SHOWN_DATA:
                value = f"{value[:SHOWN_DATA]}... ({len(value)} characters)"
            print(f"    {part['type']}: {value}")
    print(f"\ntext\n{report['text']}\n")
    print(
        f"tokens {report['tokens']}, of them image {report['image_tokens']}, "
        f"supervised {report['supervised_tokens']}"
    )
    for span in spans:
        if span.supervised:
            shown = json.dumps(span.text, ensure_ascii=False)
            print(f"  {span.start}..{span.start + span.tokens}  {span.name:8} {shown}")
