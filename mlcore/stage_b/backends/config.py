"""The part of a config that says who writes. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlcore.config.base import RUNTIME, AdapterRef, ModelRef, StrictModel


class ModelBackend(StrictModel):
    """A checkpoint in this process."""

    type: Literal["model"]
    """who writes"""
    model: ModelRef
    """the checkpoint folder"""
    adapter: AdapterRef | None = None
    """an adapter made for it; empty means the checkpoint alone"""
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra=RUNTIME)
    """where the model runs; auto takes a GPU when there is one"""
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", json_schema_extra=RUNTIME
    )
    """number format of the weights"""
    batch_size: int = Field(default=32, ge=1, le=4096, json_schema_extra=RUNTIME)
    """prompts that are answered together; they are sorted by length first"""
    threads: int = Field(default=1, ge=1, le=256, json_schema_extra=RUNTIME)
    """CPU threads"""


class ServerBackend(StrictModel):
    """A server with the OpenAI chat interface, such as vLLM."""

    type: Literal["server"]
    """who writes"""
    url: str = Field(pattern=r"^https?://[^\s]+$", json_schema_extra=RUNTIME)
    """address up to and with /v1"""
    model: str = Field(min_length=1, max_length=400)
    """the name under which the server knows the model"""
    key_variable: str = Field(default="", pattern=r"^[A-Z0-9_]*$", max_length=100)
    """environment variable that holds the key; empty means none is sent"""
    concurrency: int = Field(default=16, ge=1, le=1024, json_schema_extra=RUNTIME)
    """requests that are under way together"""
    timeout_s: float = Field(default=120.0, gt=0, le=3600, json_schema_extra=RUNTIME)
    """seconds that one request may take"""
    tries: int = Field(default=5, ge=1, le=20, json_schema_extra=RUNTIME)
    """number of times that a request is made before the run stops as infrastructure"""


class ReplayBackend(StrictModel):
    """A recording of answers. For tests only: refused elsewhere."""

    type: Literal["replay"]
    """who writes"""
    path: str = Field(min_length=1)
    """JSONL of {name, draw, text}"""


BackendConfig = Annotated[ModelBackend | ServerBackend | ReplayBackend, Field(discriminator="type")]
