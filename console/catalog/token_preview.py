"""A record as a model sees it: its tokens by turn, which of them are learned, and what each means.

Rendering is the training renderer's own, with the checkpoint's own tokenizer; torch is not needed.
"""
from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from pydantic import ValidationError

from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.models import DatasetRecord, ModelVersion
from console.catalog.outputs import File
from console.catalog.preview_data import MAX_PIXELS, image_size, order_of, record_of, refused
from console.catalog.services import resolve_ref
from mlcore.chat.config import MessagesConfig
from mlcore.chat.kit import IMAGES, PROCESSOR, TOKENIZER, RenderKit
from mlcore.chat.prompts import MODES, Mode
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.chat.view import ViewSpan, token_view
from mlcore.config.explain import explain
from mlcore.contract.records import Record
from mlcore.coordjson.format import AnswerFormat
from mlcore.errors import GatehouseError
from mlcore.objectjson.scale import PlainObject, from_pixels, pixels_of
from mlcore.run.context import BUILTIN
from mlcore.train.config import SftConfig

BUILTIN_SCHEME = "builtin:"
KEPT_KITS = 4
MAX_TOKENIZER_BYTES = 64 * 2**20
MOST_MODELS = 40
LENGTH_LIMIT = int(SftConfig.model_fields["global_max_length"].default)


@dataclass(frozen=True)
class TokenChoice:
    """What to render with: `model` as a config names it, then how it is asked and answers."""

    model: str = "builtin:base"
    profile: str = "inspection"
    domain: str = ""
    mode: str = "dense"
    grammar: str = "coordjson"
    emit_norm: str = "norm1000"
    field_order: str = "desc_first"
    limit: int = LENGTH_LIMIT


@dataclass
class Chip:
    """A stretch of tokens. `object` is the place of its object in the record, None for others;
    `at` is the pixel that a coordinate means and `axis` the way it is measured."""

    text: str
    tokens: int
    name: str
    supervised: bool
    start: int
    object: int | None = None
    axis: str = ""
    at: float | None = None
    grid: list[int] = field(default_factory=list)
    """of an image: rows and columns of its tokens"""


@dataclass
class Turn:
    """The chips of one turn: system, user or assistant."""

    role: str
    chips: list[Chip]


@dataclass
class TokenPreview:
    """`counts` maps the kind of a token to how many there are; `supervised` counts learned ones."""

    model: str
    profile: str
    mode: str
    turns: list[Turn]
    counts: dict[str, int]
    total: int
    supervised: int
    limit: int

    def as_json(self) -> dict[str, Any]:
        """Plain data for the API."""
        return asdict(self) | {"over_limit": self.total > self.limit}


def model_choices(project: Project) -> list[str]:
    """References of models that can render: those that ship with the library, then the project's
    newest versions that carry their tokenizer."""
    shipped = [
        f"{BUILTIN_SCHEME}{folder.name}"
        for folder in sorted(BUILTIN.iterdir())
        if (folder / TOKENIZER).is_file()
    ]
    versions = ModelVersion.objects.filter(entry__project=project, output__type="model")
    versions = versions.select_related("entry", "output")
    return shipped + [
        version.ref
        for version in versions.order_by("-id")[:MOST_MODELS]
        if _kit_files(version.output.files) is not None
    ]


def preview_tokens(project: Project, row: DatasetRecord, choice: TokenChoice) -> TokenPreview:
    """Render the record.

    Raises ApiProblem 422 for a choice that does not exist, for a record that has no such answer
    and for an image that the model cannot take.
    """
    if choice.mode not in MODES:
        message = f"mode is one of {', '.join(MODES)}."
        raise ApiProblem(422, "bad_choice", message)
    record = record_of(row)
    config = messages_of(row, choice)
    size = image_size(row)
    if size[0] * size[1] > MAX_PIXELS:
        raise ApiProblem(415, "image_too_large", f"A preview takes at most {MAX_PIXELS:,} pixels.")
    mode: Mode = "dense" if choice.mode == "dense" else "summary"
    try:
        kit = kit_of(project, choice.model)
        renderer = Renderer(kit, config, dataset=row.version.dataset.name)
        # Tokens depend on the size of the image alone, so its pixels stay undecoded.
        blank = np.zeros((size[1], size[0], 3), np.uint8)
        example = renderer.training_example(record, None, mode, image=blank)
        spans = token_view(example, kit)
    except GatehouseError as error:
        raise refused(error) from error
    preview = _preview(choice, example, spans, kit)
    answer = [chip for turn in preview.turns if turn.role == "assistant" for chip in turn.chips]
    _place_objects(answer, record, config.answer)
    return preview


def messages_of(row: DatasetRecord, choice: TokenChoice) -> MessagesConfig:
    """The way of asking as a config would hold it, with the dataset's own order of objects and form
    of summaries. Raises ApiProblem 422 with what does not fit together."""
    try:
        return MessagesConfig.model_validate_json(json.dumps({
            "profile": choice.profile, "domain": choice.domain or None,
            "answer": {
                "grammar": choice.grammar, "emit_norm": choice.emit_norm,
                "field_order": choice.field_order,
            },
            "object_order": order_of(row.version)[0],
            "summary_form": "json" if row.summary.startswith("{") else "text",
        }))  # fmt: skip
    except ValidationError as error:
        problems = explain(error, MessagesConfig, {})
        text = "; ".join(f"{p.path}: {p.message}" if p.path else p.message for p in problems)
        raise ApiProblem(422, "bad_choice", text) from error


def kit_of(project: Project, ref: str) -> RenderKit:
    """What rendering needs of a model. Raises ApiProblem 422 for one that has it not."""
    if ref.startswith(BUILTIN_SCHEME):
        name = ref.removeprefix(BUILTIN_SCHEME)
        if name not in {folder.name for folder in BUILTIN.iterdir()}:
            raise ApiProblem(422, "unresolved_ref", f"{ref}: no such model ships with the library.")
        return _shipped(name)
    found = resolve_ref(project, ref)
    files = _kit_files(found.files)
    if found.type != "model" or files is None:
        raise ApiProblem(422, "no_tokenizer", f"{ref} carries no {TOKENIZER} to render with.")
    return _registered(ref, *files)


@functools.lru_cache(KEPT_KITS)
def _shipped(name: str) -> RenderKit:
    return RenderKit.from_folder(BUILTIN / name)


@functools.lru_cache(KEPT_KITS)
def _registered(ref: str, tokenizer: str, images: str) -> RenderKit:
    # The hashes are the key: the same name of another project can be another model.
    return RenderKit.from_bytes(
        blobs.read_blob(tokenizer, MAX_TOKENIZER_BYTES), blobs.read_blob(images, 2**20), ref
    )


def _kit_files(files: Sequence[File]) -> tuple[str, str] | None:
    """Hashes of the tokenizer and of the image settings."""
    hashes = {file["path"]: file["sha256"] for file in files}
    images = hashes.get(IMAGES) or hashes.get(PROCESSOR)
    if TOKENIZER not in hashes or images is None:
        return None
    return hashes[TOKENIZER], images


def _preview(
    choice: TokenChoice, example: TrainingExample, spans: Sequence[ViewSpan], kit: RenderKit
) -> TokenPreview:
    turns: list[Turn] = []
    counts: dict[str, int] = {}
    grids = [grid.tolist() for grid in example.image_grid_thw]
    for span in spans:
        counts[span.name] = counts.get(span.name, 0) + span.tokens
        chip = Chip(span.text, span.tokens, span.name, span.supervised, span.start)
        if span.name == "image":
            _frames, rows, columns = grids.pop(0)
            merge = kit.patcher.merge_size
            chip.grid = [rows // merge, columns // merge]
        if span.role and (not turns or turns[-1].role != span.role):
            turns.append(Turn(span.role, []))
        if turns:
            turns[-1].chips.append(chip)
    return TokenPreview(
        choice.model, choice.profile, choice.mode, turns, counts, len(example),
        sum(span.tokens for span in spans if span.supervised), choice.limit,
    )


def _place_objects(chips: Sequence[Chip], record: Record, answer: AnswerFormat) -> None:
    """Tell each description and coordinate of the answer which object of the record it is.

    An object is known by its words and numbers, so this holds for any order of objects. Of two
    that are alike, each is used once.
    """
    scale = answer.builder.scale(answer, record.width, record.height)
    free: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for index, item in enumerate(record.objects):
        words = json.dumps(item.desc, ensure_ascii=False)[1:-1]
        numbers = from_pixels(item.desc, item.kind, item.points, scale).numbers
        free.setdefault((words, numbers), []).append(index)
    for desc, coords in _objects_of(chips):
        numbers = tuple(_number(chip.text) for chip in coords)
        places = free.get((desc.text, numbers), [])
        desc.object = places.pop(0) if places else None
        pixels = pixels_of(PlainObject(desc.text, "line", numbers), scale)
        for number, (chip, pixel) in enumerate(zip(coords, pixels, strict=True)):
            chip.object, chip.axis, chip.at = desc.object, "xy"[number % 2], round(pixel, 2)


def _objects_of(chips: Sequence[Chip]) -> list[tuple[Chip, list[Chip]]]:
    """Each description with its coordinates, whichever of the two an object gives first."""
    parts = [chip for chip in chips if chip.name in ("desc", "coord")]
    ends_with_desc = bool(parts) and parts[0].name == "coord"
    out: list[tuple[Chip, list[Chip]]] = []
    waiting: list[Chip] = []
    for chip in parts:
        if chip.name == "desc":
            out.append((chip, waiting if ends_with_desc else []))
            waiting = []
        elif ends_with_desc:
            waiting.append(chip)
        elif out:
            out[-1][1].append(chip)
    return out


def _number(text: str) -> int:
    digits = "".join(c for c in text if c.isdigit())
    return int(digits) if digits else 0
