"""Messages: the turns of one conversation, made of a record or written by hand.

    system     [{"type": "text", "text": ...}]                 only where the prompt has one
    user       [{"type": "image", "image": ...}, {"type": "text", "text": ...}]
    assistant  [{"type": "text", "text": ...}]

The key of a value is the name of its type. Conversations that are written by hand may also give
content as plain text and images as `image_url` (`mlcore.chat.payloads`).
"""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from mlcore.chat.answers import answer_pieces
from mlcore.chat.config import MessagesConfig
from mlcore.chat.payloads import PART_TYPES, ImageSource, check_part, data_url, image_name
from mlcore.chat.prompts import Mode
from mlcore.contract.records import Record
from mlcore.coordjson.pieces import Piece
from mlcore.errors import DataError
from mlcore.near import did_you_mean

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = get_args(Role)
MESSAGE_KEYS = ("role", "content")


@dataclass(frozen=True)
class Picture:
    """The place of an image in a turn. `source` is its value, read when it is rendered."""

    source: ImageSource

    @property
    def name(self) -> str:
        """A short name for errors."""
        return image_name(self.source)

    @property
    def value(self) -> str:
        """The image as messages name it: its path or URL, a PNG data URL for one in memory."""
        return self.source if isinstance(self.source, str) else data_url(self.source)


Part = Picture | Piece


@dataclass(frozen=True)
class Turn:
    """One turn. Only an assistant's turn has pieces of other names than `text`."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Piece))


@dataclass(frozen=True)
class Conversation:
    """The turns of one sample, and how errors name it."""

    id: str
    turns: tuple[Turn, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(p for turn in self.turns for p in turn.parts if isinstance(p, Picture))


def prompt_turns(record: Record, mode: Mode, config: MessagesConfig) -> tuple[Turn, ...]:
    """The turns before the answer: images first, then the words. Raises ConfigError when the
    profile has no words for the task."""
    prompt = config.prompt(mode)
    user = Turn("user", (*map(Picture, record.images), Piece("text", prompt.user)))
    system = (Turn("system", (Piece("text", prompt.system),)),) if prompt.system else ()
    return (*system, user)


def record_conversation(
    record: Record, mode: Mode, config: MessagesConfig, dataset: str = ""
) -> Conversation:
    """The conversation that a record stands for. Raises as `answer_pieces` does."""
    answer = Turn("assistant", tuple(answer_pieces(record, mode, config, dataset)))
    return Conversation(record.id, (*prompt_turns(record, mode, config), answer))


def to_messages(conversation: Conversation) -> list[dict[str, Any]]:
    """The conversation as JSON, in the shape above; neighbouring texts are one."""
    return [
        {"role": turn.role, "content": _content(turn)} for turn in conversation.turns
    ]


def read_conversation(value: object, where: str) -> Conversation:
    """A conversation written by hand: a list of messages, or `{"messages": [...]}`.

    Raises DataError naming `where` and the place for a wrong key, type or role, for a system turn
    that is not the first, turns that do not alternate, an image outside a user turn, and blank
    turns.
    """
    if isinstance(value, Mapping):
        unknown = sorted(set(value) - {"messages", "id"})
        if unknown or "messages" not in value:
            raise DataError(
                f"a conversation is {{\"messages\": [...]}}, found the key "
                f"{(unknown or ['nothing'])[0]!r}",
                hint=did_you_mean(unknown[0], ["messages", "id"]) if unknown else "", where=where,
            )
        name = value.get("id", where)
        value = value["messages"]
    else:
        name = where
    if not isinstance(value, list) or not value:
        raise DataError("messages must be a list that is not empty", where=where)
    turns = [_turn(item, f"{where}: messages[{i}]") for i, item in enumerate(value)]
    _check_order(turns, where)
    return Conversation(str(name), tuple(turns))


def read_conversations(path: Path) -> Iterator[Conversation]:
    """Every line of a JSONL file of `{"messages": [...]}`. Raises DataError naming file:line."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path.name}:{number}"
            try:
                value = json.loads(line)
            except ValueError as error:
                raise DataError(f"not JSON: {error}", where=where) from error
            yield read_conversation(value, where)


def _content(turn: Turn) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, Picture):
            out.append({"type": "image", "image": part.value})
        elif out and out[-1]["type"] == "text":
            out[-1]["text"] += part.text
        else:
            out.append({"type": "text", "text": part.text})
    return out


def _turn(value: object, where: str) -> Turn:
    if not isinstance(value, Mapping):
        raise DataError("a message is an object with role and content", where=where)
    for key in sorted(map(str, value)):
        if key not in MESSAGE_KEYS:
            raise DataError(
                f"a message has no key {key!r}", hint=did_you_mean(key, MESSAGE_KEYS), where=where
            )
    role = value.get("role")
    if role not in ROLES:
        raise DataError(
            f"no role {role!r}", hint=did_you_mean(str(role), ROLES), where=f"{where}.role"
        )
    content = value.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, Sequence) or not content:
        raise DataError(
            "content must be text, or a list of parts that is not empty",
            hint=f"A part has a type: {', '.join(PART_TYPES)}.", where=f"{where}.content",
        )
    parts = [_part(item, f"{where}.content[{i}]") for i, item in enumerate(content)]
    turn = Turn(cast("Role", role), tuple(parts))
    if role != "user" and any(isinstance(part, Picture) for part in parts):
        raise DataError(f"a turn of the {role} holds an image", where=f"{where}.content")
    if not turn.text.strip() and not any(isinstance(part, Picture) for part in parts):
        raise DataError("the turn is blank", where=f"{where}.content")
    return turn


def _part(value: object, where: str) -> Part:
    found = check_part(value, where)
    return Piece("text", found) if isinstance(found, str) else Picture(found.source)


def _check_order(turns: Sequence[Turn], where: str) -> None:
    """An optional system turn, then user and assistant in turns."""
    expected: Role = "user"
    for number, turn in enumerate(turns):
        place = f"{where}: messages[{number}].role"
        if turn.role == "system":
            if number:
                raise DataError("the system turn must be the first", where=place)
            continue
        if turn.role != expected:
            raise DataError(f"expected a turn of the {expected}, found {turn.role}", where=place)
        expected = "assistant" if expected == "user" else "user"
    if turns[-1].role == "system":
        raise DataError("a system turn alone is no conversation", where=where)
