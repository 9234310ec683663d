"""What is asked about one image, and what came of it: all that processes tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlcore.chat.config import MessagesConfig
from mlcore.contract.import_config import Resize
from mlcore.predict.config import SamplingConfig


@dataclass(frozen=True)
class Job:
    """One image. `group` and `place` count from 0: the ticket among all, the image in it.

    `name` fixes what is drawn for it at a temperature above 0; no name holds a label.
    """

    group: int
    place: int
    name: str
    path: str


@dataclass(frozen=True)
class Answer:
    """What a model said about an image, or why it said nothing (`text` is None)."""

    job: Job
    text: str | None
    problem: str = ""
    finished: bool = True
    new_tokens: int = 0
    seconds: float = 0.0
    """its share of the time that its batch took, pictures read and sized included"""


@dataclass(frozen=True)
class Task:
    """Everything that an answer depends on besides its image, and where the work is done.

    `root` is what paths of jobs are below; `dataset` is the name that a prefix may hold.
    """

    root: Path
    model: Path
    adapter: Path | None
    messages: MessagesConfig
    dataset: str
    resize: Resize | None
    sampling: SamplingConfig
    seed: int
    max_new_tokens: int
    batch_size: int
    bucket: int
    device: Literal["auto", "cpu", "cuda"]
    dtype: Literal["float32", "bfloat16", "float16"]
    threads: int
