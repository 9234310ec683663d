"""A model that answers one image at a time, outside a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch

from mlcore.chat.config import MessagesConfig
from mlcore.chat.generate import Sampling, generate_batch
from mlcore.chat.kit import RenderKit
from mlcore.chat.prompts import Mode
from mlcore.chat.render import Renderer, RgbImage
from mlcore.contract.records import Record
from mlcore.models.device import DTYPES
from mlcore.models.load import load_model, load_processor
from mlcore.predict.config import SamplingConfig
from mlcore.predict.live import TextReader
from mlcore.predict.said import Said, said
from mlcore.tuning.stored import load_adapted


class Single:
    """A checkpoint with what it is asked. On a GPU where there is one."""

    def __init__(
        self,
        folder: Path,
        messages: MessagesConfig,
        dtype: Literal["float32", "bfloat16", "float16"],
        adapter: Path | None = None,
    ) -> None:
        self._processor = load_processor(folder)
        self._renderer = Renderer(RenderKit.from_folder(folder), messages)
        if adapter is None:
            self._model = load_model(folder, DTYPES[dtype])
        else:
            self._model = load_adapted(folder, adapter, DTYPES[dtype]).model
        torch.nn.Module.to(self._model, "cuda" if torch.cuda.is_available() else "cpu")

    def answer(
        self,
        record: Record,
        pixels: RgbImage,
        mode: Mode,
        sampling: SamplingConfig,
        seed: int,
        max_new_tokens: int,
        hear: Callable[[str], None] | None = None,
    ) -> Said:
        """The answer to one image, uint8 [H, W, 3]; `hear` gets its text piece by piece.

        What is heard begins after the answer's prefix, where it has one. Raises DataError on an
        image of a wrong size.
        """
        prompt = self._renderer.prompt_example(record, None, mode, image=pixels)
        prefix = self._renderer.messages.prefix(mode, self._renderer.dataset)
        tokenizer = self._processor.tokenizer
        reader = TextReader(tokenizer.backend_tokenizer, self._renderer.ids.im_end)
        told = 0

        def listen(tokens: Sequence[int]) -> None:
            nonlocal told
            reader.add(tokens[0])
            text = reader.text
            if hear is None or (len(text) < len(prefix) and prefix.startswith(text)):
                return
            text = text.removeprefix(prefix)
            hear(text[told:])
            told = len(text)

        answer = generate_batch(
            self._model,
            self._processor,
            [prompt],
            max_new_tokens,
            Sampling(sampling.temperature, sampling.top_p, sampling.repetition_penalty, seed),
            listener=listen,
        )[0]
        return said(answer, record, mode, prefix, self._renderer.messages.answer, tokenizer)
