"""The config of `relabel`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import DatasetRef, JobConfig, SourceRef


class RelabelConfig(JobConfig):
    """Correct the labels of a dataset's tickets by what people decided."""

    kind: Literal["relabel"]
    """the job kind"""
    dataset: DatasetRef
    """the dataset whose tickets are corrected; it stays as it is"""
    decisions: SourceRef
    """a snapshot of the review queue, `upload:NAME@DIGEST` or a path to its file"""
    runs: list[str] = Field(default_factory=list, max_length=1000)
    """uids of the Stage-B runs that judged this dataset: decisions on tickets of other runs are
    left alone; empty takes every decision whose ticket is there"""
    label_key: str = Field(default="label", min_length=1)
    """the key of a record's metadata that holds its ticket's label, pass or fail, where there is no
    tickets.jsonl"""
