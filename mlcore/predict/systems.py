"""Who answers: a trained model, an untrained one, or a constant."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.config import MessagesConfig
from mlcore.chat.generate import Generated, Sampling, generate_batch
from mlcore.chat.kit import RenderKit
from mlcore.chat.prompts import Mode
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.errors import DataError, OutOfMemoryError
from mlcore.models.device import pick_device
from mlcore.models.load import load_model, load_processor, load_untrained
from mlcore.predict.config import AdapterSystem, ConstantSystem, PredictConfig, UntrainedSystem
from mlcore.predict.constant import constant_dense, constant_summary
from mlcore.predict.live import Live
from mlcore.predict.said import Said, said
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.hashing import tree_digest, tree_entries
from mlcore.tuning.stored import UNPROVEN, UNPROVEN_WORDS, base_digest_of, load_adapted


@dataclass(frozen=True)
class Unreadable:
    """A record whose image could not be used."""

    reason: str
    where: str


class System(Protocol):
    """Answers records of one dataset. `model_digest` is None for a system without a model."""

    model_digest: str | None
    generation: Mapping[str, Any]

    def answer(
        self, records: Sequence[Record], mode: Mode, draw: int = 0
    ) -> list[Said | Unreadable]:
        """One answer per record, in their order; `draw` counts the answers to one question."""
        ...


class ConstantAnswers:
    """The most usual answer of the train split, whatever the image."""

    model_digest: str | None = None

    def __init__(
        self, dataset: Dataset, modes: Sequence[Mode], messages: MessagesConfig
    ) -> None:
        records = dataset.split("train")
        makers: dict[Mode, Callable[[], str]] = {
            "dense": lambda: constant_dense(records, messages),
            "summary": lambda: constant_summary(records),
        }
        self._texts = {mode: makers[mode]() for mode in modes}
        self.generation: Mapping[str, Any] = {"split": "train", "records": len(records)}

    def answer(
        self, records: Sequence[Record], mode: Mode, draw: int = 0
    ) -> list[Said | Unreadable]:
        text = self._texts[mode]
        return [Said(text, Generated(text, (), finished=True, new_tokens=0)) for _ in records]


class ModelAnswers:
    """A model answers, whole batches at a time; a batch that fails is tried image by image."""

    def __init__(
        self,
        config: PredictConfig,
        folder: Path,
        dataset: Dataset,
        events: EventWriter,
        adapter: Path | None = None,
    ) -> None:
        assert not isinstance(config.system, ConstantSystem)
        self._processor = load_processor(folder)
        self._renderer = Renderer(
            RenderKit.from_folder(folder), config.messages, dataset=dataset.name
        )
        self._model = _model(config, folder, adapter)
        nn.Module.to(self._model, pick_device(config.device))
        self._messages = config.messages
        self._dataset, self._warn = dataset, events.warning
        self._live = Live(
            events, self._processor.tokenizer.backend_tokenizer, self._renderer.ids.im_end
        )
        self._max_new_tokens = config.max_new_tokens
        self._sampling = Sampling(
            config.sampling.temperature, config.sampling.top_p,
            config.sampling.repetition_penalty, config.seed,
        )
        # An adapter's own files name the checkpoint below it by digest.
        self.model_digest: str | None = tree_digest(tree_entries(adapter or folder))
        self.generation: Mapping[str, Any] = {
            "max_new_tokens": config.max_new_tokens,
            "messages": config.messages.model_dump(mode="json"),
            "dtype": config.dtype,
            "seed": config.seed,
            "samples_per_image": config.samples_per_image,
            **config.sampling.model_dump(),
        }

    def answer(
        self, records: Sequence[Record], mode: Mode, draw: int = 0
    ) -> list[Said | Unreadable]:
        prompts = [self._prompt(record, mode) for record in records]
        usable = [prompt for prompt in prompts if not isinstance(prompt, Unreadable)]
        answers = iter(self._generate(usable, draw))
        return [
            prompt if isinstance(prompt, Unreadable) else self._said(next(answers), record, mode)
            for prompt, record in zip(prompts, records, strict=True)
        ]

    def _said(self, answer: Generated, record: Record, mode: Mode) -> Said:
        prefix = self._messages.prefix(mode, self._dataset.name)
        return said(
            answer, record, mode, prefix, self._messages.answer, self._processor.tokenizer
        )

    def _prompt(self, record: Record, mode: Mode) -> TrainingExample | Unreadable:
        try:
            return self._renderer.prompt_example(record, self._dataset.folder, mode)
        except DataError as error:
            return Unreadable(error.message, error.where)

    def _generate(self, prompts: Sequence[TrainingExample], draw: int) -> list[Generated]:
        try:
            return self._together(prompts, draw)
        except (RuntimeError, MemoryError) as error:
            if len(prompts) == 1:
                raise _single_failure(error, prompts[0]) from error
            size = len(prompts)
            self._warn("batch_failed", f"a batch of {size} failed, going one by one: {error}")
        return [answer for prompt in prompts for answer in self._generate([prompt], draw)]

    def _together(self, prompts: Sequence[TrainingExample], draw: int) -> list[Generated]:
        return generate_batch(
            self._model,
            self._processor,
            prompts,
            self._max_new_tokens,
            self._sampling,
            draws=[draw] * len(prompts),
            listener=self._live.listener(prompts),
        )


def open_system(config: PredictConfig, ctx: RunContext, dataset: Dataset) -> System:
    """The system that the config names, ready to answer."""
    if isinstance(config.system, ConstantSystem):
        return ConstantAnswers(dataset, config.modes, config.messages)
    torch.set_num_threads(config.threads)
    folder = ctx.resolve(config.system.model)
    if not isinstance(config.system, AdapterSystem):
        return ModelAnswers(config, folder, dataset, ctx.events)
    adapter = ctx.resolve(config.system.adapter)
    if base_digest_of(adapter) is None:
        ctx.events.warning(UNPROVEN, UNPROVEN_WORDS)
    return ModelAnswers(config, folder, dataset, ctx.events, adapter)


def _model(
    config: PredictConfig, folder: Path, adapter: Path | None
) -> Qwen3VLForConditionalGeneration:
    dtypes = {
        "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16
    }
    if isinstance(config.system, UntrainedSystem):
        return load_untrained(folder, config.seed, dtypes[config.dtype])
    if adapter is not None:
        return load_adapted(folder, adapter, dtypes[config.dtype]).model
    return load_model(folder, dtypes[config.dtype])


def _single_failure(error: Exception, prompt: TrainingExample) -> Exception:
    """What one image's failure means: memory is ours to report, anything else is a bug."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return OutOfMemoryError(
            f"out of memory on a single image: {error}",
            hint="Lower max_new_tokens or use a host with more memory.", where=prompt.record_id,
        )
    return error
