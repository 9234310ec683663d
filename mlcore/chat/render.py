"""The one renderer from messages to token ids and labelled spans.

    <|im_start|>user\\n<|vision_start|><|image_pad|>...<|vision_end|>PROMPT<|im_end|>\\n
    <|im_start|>assistant\\nANSWER<|im_end|>

Training and generation share it: a prompt is the training example without its answer. A system
turn stands before, where there is one; in a longer conversation every answer is supervised.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlcore.chat.config import MessagesConfig
from mlcore.chat.kit import RenderKit
from mlcore.chat.messages import Conversation, Picture, Turn, prompt_turns, record_conversation
from mlcore.chat.payloads import Fetch, load_image
from mlcore.chat.positions import Segment, position_ids
from mlcore.chat.prompts import Mode
from mlcore.contract.records import Record
from mlcore.coordjson.pieces import Piece
from mlcore.errors import DataError
from mlcore.models.images import Patches, read_rgb

UNSUPERVISED = -100
"""label of a token that carries no loss"""
RgbImage = npt.NDArray[np.uint8]


class Span(NamedTuple):
    """Tokens start..stop (stop excluded) of one kind: that of an answer's piece, or eos."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class TrainingExample:
    """One rendered sample. A prompt is the same with no supervised token.

    input_ids int64 [L]; labels int64 [L], the id at that very place or -100, so the loss shifts;
    position_ids int64 [4, L] (text, time, height, width); pixel_values float32 [patches, dim];
    image_grid_thw int64 [images, 3] in patches; spans cover every supervised token once; images
    are their names, for errors; prompt_length is where the last answer begins. The mode of a
    conversation that no record stands behind is None.
    """

    record_id: str
    images: tuple[str, ...]
    mode: Mode | None
    input_ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    position_ids: npt.NDArray[np.int64]
    pixel_values: npt.NDArray[np.float32]
    image_grid_thw: npt.NDArray[np.int64]
    spans: tuple[Span, ...]
    prompt_length: int

    def __len__(self) -> int:
        return len(self.input_ids)


class Renderer:
    """Renders samples with one checkpoint's kit and one way of asking. Not tied to torch.

    `dataset` is the name that an answer's prefix may hold; `fetch` gets images by http(s), which
    nothing does without it.
    """

    def __init__(
        self,
        kit: RenderKit,
        messages: MessagesConfig | None = None,
        *,
        dataset: str = "",
        fetch: Fetch | None = None,
    ) -> None:
        self.kit = kit
        self.ids = kit.ids
        self.messages = messages or MessagesConfig()
        self.dataset = dataset
        self._fetch = fetch

    @property
    def coord_ids(self) -> tuple[int, ...]:
        """Ids of the coordinate tokens, index = bin. Raises DataError when there are none."""
        return self.kit.coord_ids

    def training_example(
        self, record: Record, image_root: Path | None, mode: Mode, *, image: RgbImage | None = None
    ) -> TrainingExample:
        """Prompt and supervised answer of a record.

        The image is `image` (uint8 [H, W, 3]) when given, else read from below `image_root`.
        Raises DataError on an unreadable or wrongly sized image, or a record without answer.
        """
        conversation = record_conversation(record, mode, self.messages, self.dataset)
        patches = self._patches(record, image_root, image)
        return self._example(record.id, record.images, mode, conversation.turns, patches)

    def prompt_example(
        self, record: Record, image_root: Path | None, mode: Mode, *, image: RgbImage | None = None
    ) -> TrainingExample:
        """The prompt alone, for generation: exactly the start of the training example."""
        turns = prompt_turns(record, mode, self.messages)
        patches = self._patches(record, image_root, image)
        return self._example(record.id, record.images, mode, turns, patches)

    def conversation_example(
        self, conversation: Conversation, image_root: Path | None
    ) -> TrainingExample:
        """A conversation as it was written; one that ends with the user is a prompt.

        Raises DataError on an image that cannot be read or has sides of a wrong multiple.
        """
        pictures = conversation.pictures
        patches = []
        for number, picture in enumerate(pictures, start=1):
            where = f"{conversation.id}: image {number} ({picture.name})"
            image = load_image(picture.source, image_root, where, self._fetch)
            patches.append(self.kit.patcher(image, where))
        names = tuple(picture.name for picture in pictures)
        return self._example(conversation.id, names, None, conversation.turns, patches)

    def length(self, record: Record, mode: Mode) -> int:
        """Tokens of the training example, from its text and its images' size alone."""
        patcher = self.kit.patcher
        grid = (1, record.height // patcher.patch_size, record.width // patcher.patch_size)
        unread = Patches(np.zeros((0, patcher.values_per_patch), np.float32), grid)
        writer = _Writer(self.kit, [unread] * len(record.images))
        for turn in record_conversation(record, mode, self.messages, self.dataset).turns:
            writer.turn(turn)
        return len(writer.out)

    def _patches(self, record: Record, root: Path | None, image: RgbImage | None) -> list[Patches]:
        if image is not None:
            return [self._sized(record, image, record.id)]
        if root is None:
            raise DataError("neither an image nor a folder to read it from", where=record.id)
        if not record.images:
            raise DataError("the record names no image", where=record.id)
        paths = [root / name for name in record.images]
        return [self._sized(record, read_rgb(path), str(path)) for path in paths]

    def _sized(self, record: Record, image: RgbImage, where: str) -> Patches:
        height, width = image.shape[:2]
        if (width, height) != (record.width, record.height):
            raise DataError(
                f"the image is {width} x {height}, its record says "
                f"{record.width} x {record.height}",
                where=where,
            )
        return self.kit.patcher(image, where)

    def _example(
        self,
        name: str,
        images: tuple[str, ...],
        mode: Mode | None,
        turns: Sequence[Turn],
        patches: Sequence[Patches],
    ) -> TrainingExample:
        writer = _Writer(self.kit, patches)
        for turn in turns:
            writer.turn(turn)
        prompt, segments = writer.finish(turns[-1].role)
        input_ids = np.array(writer.out, dtype=np.int64)
        labels = np.full_like(input_ids, UNSUPERVISED)
        spans = writer.spans if turns[-1].role == "assistant" else []
        for span in spans:
            labels[span.start : span.stop] = input_ids[span.start : span.stop]
        width = self.kit.patcher.values_per_patch
        return TrainingExample(
            record_id=name,
            images=images,
            mode=mode,
            input_ids=input_ids,
            labels=labels,
            position_ids=position_ids(segments, len(input_ids) - prompt),
            pixel_values=np.concatenate(
                [np.zeros((0, width), np.float32), *(p.values for p in patches)]
            ),
            image_grid_thw=np.array([p.grid for p in patches], np.int64).reshape(-1, 3),
            spans=tuple(spans),
            prompt_length=prompt,
        )


class _Writer:
    """Writes turns as token ids, and keeps where the last answer, spans and images lie."""

    def __init__(self, kit: RenderKit, patches: Sequence[Patches]) -> None:
        self.out: list[int] = []
        self.spans: list[Span] = []
        self._kit = kit
        self._patches = iter(patches)
        self._segments: list[Segment] = []
        self._text = 0
        self._answer = 0

    def turn(self, turn: Turn) -> None:
        if self.out:
            self.out += self._kit.encode("\n")
        self._open(turn.role)
        for part in turn.parts:
            if isinstance(part, Picture):
                self._image(next(self._patches))
            elif turn.role == "assistant":
                self._piece(part)
            else:
                self.out += self._kit.encode(part.text)
        if turn.role == "assistant":
            self.spans.append(Span("eos", len(self.out), len(self.out) + 1))
        self.out.append(self._kit.ids.im_end)

    def finish(self, last: str) -> tuple[int, tuple[Segment, ...]]:
        """Open the answer where the user spoke last. Returns where the last answer begins, and
        the segments before it."""
        if last != "assistant":
            self.out += self._kit.encode("\n")
            self._open("assistant")
        return self._answer, (*self._segments, self._answer - self._text)

    def _open(self, role: str) -> None:
        self.out += [self._kit.ids.im_start, *self._kit.encode(f"{role}\n")]
        self._answer = len(self.out)

    def _image(self, patches: Patches) -> None:
        ids, merge = self._kit.ids, self._kit.patcher.merge_size
        frames, rows, columns = patches.grid
        grid = (frames, rows // merge, columns // merge)
        self.out.append(ids.vision_start)
        self._segments += [len(self.out) - self._text, grid]
        self.out += [ids.image_pad] * (grid[0] * grid[1] * grid[2])
        self._text = len(self.out)
        self.out.append(ids.vision_end)

    def _piece(self, piece: Piece) -> None:
        start = len(self.out)
        if piece.bin >= 0:
            self.out.append(self._kit.coord_ids[piece.bin])
        else:
            self.out += self._kit.encode(piece.text)
        self.spans.append(Span(piece.name, start, len(self.out)))
