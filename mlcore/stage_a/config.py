"""The config of `stage_a`. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mlcore.chat.config import MessagesConfig
from mlcore.config.base import RUNTIME, DatasetRef, JobConfig, SourceRef, StrictModel
from mlcore.contract.domains import MISSIONS
from mlcore.contract.import_config import Resize
from mlcore.contract.limits import DEFAULT_MAX_PIXELS, MaxPixels
from mlcore.predict.config import AdapterSystem, ModelSystem, SamplingConfig


class FolderSource(StrictModel):
    """Ticket folders: ROOT/MISSION/{审核不通过,审核通过}/GROUP/*.{jpg,jpeg,png}."""

    type: Literal["folders"]
    """where tickets come from"""
    root: SourceRef = Field(json_schema_extra=RUNTIME)
    """the folder that holds a folder for each mission, or a zip of it"""
    resize: Resize | None = Field(
        default_factory=lambda: Resize(max_pixels=DEFAULT_MAX_PIXELS, min_pixels=32 * 32)
    )
    """size of a picture for the model, found as the import of a dataset finds it; empty means that
    pictures have fitting sides already"""
    keep_images: bool = True
    """copy the pictures of written tickets into the output, so that people at the desk see them"""


class DatasetSource(StrictModel):
    """A dataset: its tickets.jsonl, else `ticket` and a label in the metadata of its records."""

    type: Literal["dataset"]
    """where tickets come from"""
    dataset: DatasetRef
    """the dataset whose images are summarised"""
    split: str = Field(default="val", min_length=1)
    """which split"""
    label_key: str = Field(default="label", min_length=1)
    """the key of a record's metadata that holds its ticket's label, pass or fail, where there is no
    tickets.jsonl"""
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS
    """most pixels of an image, by its record and in its file; a larger one stops the run"""


class TicketLimits(StrictModel):
    """A draw of the tickets of each label, which keep their order."""

    passed: int | None = Field(default=None, ge=0)
    """most tickets with the label pass; empty means all"""
    failed: int | None = Field(default=None, ge=0)
    """most tickets with the label fail; empty means all"""
    seed: int = Field(default=42, ge=0, lt=2**32)
    """seed of the draw"""


class StageAConfig(JobConfig):
    """Summarise every image of a mission's tickets."""

    removed: ClassVar[dict[str, str]] = {
        "input_dir": "Write it as `source: {type: folders, root: …}`.",
        "output_dir": "Outputs lie in the run folder: give --run-dir.",
        "checkpoint": "Write it as `system: {type: model, model: …}`.",
        "prompt_profile": "Set `messages.profile`.",
        "temperature": "Set `sampling.temperature`.",
        "top_p": "Set `sampling.top_p`.",
        "repetition_penalty": "Set `sampling.repetition_penalty`.",
        "max_pixels": "Set `source.resize.max_pixels`, or `source.max_pixels` of a dataset.",
        "sharding_mode": "Set `processes`; images are shared out one by one.",
        "pass_group_number": "Set `limits.passed`.",
        "fail_group_number": "Set `limits.failed`.",
        "sample_seed": "Set `limits.seed`.",
    }

    kind: Literal["stage_a"]
    """the job kind"""
    mission: str = Field(min_length=1, max_length=120, pattern=r"^[^/\\]*[^/\\.\s][^/\\]*$")
    """the inspection item, which every ticket of the output is of"""
    source: Annotated[FolderSource | DatasetSource, Field(discriminator="type")]
    """the tickets"""
    system: Annotated[ModelSystem | AdapterSystem, Field(discriminator="type")]
    """who answers"""
    messages: MessagesConfig | None = None
    """what is asked: what the model was trained with; empty means `summary_runtime` with the
    mission and its equipment family"""
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    """how tokens are drawn"""
    limits: TicketLimits = Field(default_factory=TicketLimits)
    """how many tickets of each label"""
    max_new_tokens: int = Field(default=1024, ge=1, le=8192, json_schema_extra=RUNTIME)
    """longest summary in tokens; a cut one is marked as not finished"""
    max_reject_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """largest share of tickets with an image without summary before the run stops"""
    samples: int = Field(default=4, ge=0, le=64)
    """how many images to show with their summary"""
    processes: int = Field(default=1, ge=1, le=64, json_schema_extra=RUNTIME)
    """processes that share the images, each with a checkpoint of its own; several GPUs are taken
    in turn"""
    batch_size: int = Field(default=8, ge=1, le=4096, json_schema_extra=RUNTIME)
    """images that are answered together"""
    bucket: int = Field(default=256, ge=1, le=100_000, json_schema_extra=RUNTIME)
    """images that are sorted by size before they become batches"""
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra=RUNTIME)
    """where the model runs; auto takes a GPU when there is one"""
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", json_schema_extra=RUNTIME
    )
    """number format of the weights"""
    threads: int = Field(default=1, ge=1, le=256, json_schema_extra=RUNTIME)
    """CPU threads of each process"""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if self.messages is None:
            if self.mission not in MISSIONS:
                raise ValueError(
                    f"no words are known for the mission {self.mission!r}; set messages"
                )
        elif "summary" not in self.messages.modes:
            raise ValueError("messages has no words for the task summary")
        return self

    def asked(self) -> MessagesConfig:
        """What is asked of every image."""
        if self.messages is not None:
            return self.messages
        return MessagesConfig(
            profile="summary_runtime", domain=MISSIONS[self.mission], mission=self.mission
        )
