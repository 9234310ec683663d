"""A model summarises images: sorted by size, in batches, each with its own answer or reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch

from mlcore.chat.choose import Listener, Sampling
from mlcore.chat.generate import Generated
from mlcore.chat.kit import RenderKit
from mlcore.chat.patient import Patient, Warn
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.contract.records import Record
from mlcore.errors import DataError, OutOfMemoryError
from mlcore.models.device import DTYPES, pick_device
from mlcore.models.load import load_processor
from mlcore.predict.live import Live
from mlcore.run.events import EventWriter
from mlcore.stage_a.answer import Answer, Job, Task
from mlcore.stage_a.pictures import read_picture, size_of
from mlcore.tuning.opened import open_model


class Summariser:
    """A checkpoint with what it is asked. `rank` counts the processes that share the work.

    `events` are told what is being said, where they are given.
    """

    def __init__(
        self, task: Task, warn: Warn, *, rank: int = 0, events: EventWriter | None = None
    ) -> None:
        torch.set_num_threads(task.threads)
        self._task = task
        self._renderer = Renderer(
            RenderKit.from_folder(task.model), task.messages, dataset=task.dataset
        )
        processor = load_processor(task.model)
        device = pick_device(task.device, rank)
        model = open_model(task.model, task.adapter, DTYPES[task.dtype], device, warn)
        self._patient = Patient(model, processor, warn)
        self._prefix = task.messages.prefix("summary", task.dataset)
        drawn = task.sampling
        self._sampling = Sampling(
            drawn.temperature, drawn.top_p, drawn.repetition_penalty, task.seed
        )
        self._listener: Callable[[Sequence[TrainingExample]], Listener] | None = None
        if events is not None:
            tokenizer = processor.tokenizer.backend_tokenizer
            self._listener = Live(events, tokenizer, self._renderer.ids.im_end).listener

    def answers(self, jobs: Sequence[Job]) -> Iterator[list[Answer]]:
        """An answer for each job, a batch at a time. No answer depends on its batch."""
        for batch in batches(jobs, self._task):
            yield self._batch(batch)

    def _batch(self, batch: Sequence[Job]) -> list[Answer]:
        began = time.monotonic()
        found = {job: self._prompt(job) for job in batch}
        prompts = {job: p for job, p in found.items() if isinstance(p, TrainingExample)}
        said = iter(self._said(list(prompts.values())))
        seconds = 0.0
        answers = []
        for job, prompt in found.items():
            if isinstance(prompt, str):
                answers.append(Answer(job, None, prompt))
                continue
            generated = next(said)
            seconds = seconds or (time.monotonic() - began) / len(batch)
            if isinstance(generated, OutOfMemoryError):
                answers.append(Answer(job, None, generated.message, seconds=seconds))
                continue
            text = generated.text.removeprefix(self._prefix)
            made = generated.new_tokens
            answers.append(Answer(job, text, "", generated.finished, made, seconds))
        return answers

    def _said(self, prompts: Sequence[TrainingExample]) -> list[Generated | OutOfMemoryError]:
        if not prompts:
            return []
        listener = self._listener(prompts) if self._listener else None
        return self._patient.answers_or_not(
            prompts, self._task.max_new_tokens, self._sampling, listener=listener
        )

    def _prompt(self, job: Job) -> TrainingExample | str:
        """The prompt, or why there is none."""
        try:
            image = read_picture(self._task.root, job.path, self._task.resize)
            height, width = image.shape[:2]
            record = Record(job.name, (job.path,), width, height, "pixel", ())
            return self._renderer.prompt_example(record, None, "summary", image=image)
        except DataError as error:
            return error.message


def batches(jobs: Sequence[Job], task: Task) -> Iterator[list[Job]]:
    """Batches of images of like size, hence of like token counts.

    Images are sorted within a bucket only, so that no ticket waits for the end of the run.
    """
    for start in range(0, len(jobs), task.bucket):
        bucket = jobs[start : start + task.bucket]
        sizes = {job: size_of(task.root, job.path, task.resize) for job in bucket}
        ordered = sorted(bucket, key=lambda job: sizes[job])
        for at in range(0, len(ordered), task.batch_size):
            yield ordered[at : at + task.batch_size]
