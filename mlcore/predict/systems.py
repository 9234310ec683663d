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
from mlcore.chat.generate import Generated, Sampling
from mlcore.chat.kit import RenderKit
from mlcore.chat.patient import Patient
from mlcore.chat.prompts import Mode
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.errors import DataError
from mlcore.models.device import DTYPES, pick_device
from mlcore.models.load import load_processor, load_untrained
from mlcore.predict.config import AdapterSystem, ConstantSystem, PredictConfig, UntrainedSystem
from mlcore.predict.constant import constant_dense, constant_summary
from mlcore.predict.live import Live
from mlcore.predict.said import Said, said
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.hashing import tree_digest, tree_entries
from mlcore.tuning.opened import open_model


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
        model = _model(config, folder, adapter, events)
        self._patient = Patient(model, self._processor, events.warning)
        self._messages = config.messages
        self._dataset = dataset
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
        if not prompts:
            return []
        return self._patient.answers(
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
    return ModelAnswers(config, folder, dataset, ctx.events, adapter)


def _model(
    config: PredictConfig, folder: Path, adapter: Path | None, events: EventWriter
) -> Qwen3VLForConditionalGeneration:
    dtype, device = DTYPES[config.dtype], pick_device(config.device)
    if not isinstance(config.system, UntrainedSystem):
        return open_model(folder, adapter, dtype, device, events.warning)
    model = load_untrained(folder, config.seed, dtype)
    nn.Module.to(model, device)
    return model
