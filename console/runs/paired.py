"""Evaluations of the same images held against each other on the same drawn images."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from console.catalog.blobs import BlobError, read_blob
from console.catalog.models import Output
from console.catalog.queries import file_of
from console.runs.models import Run
from mlcore.evaluate.statistics import Columns, interval

log = logging.getLogger(__name__)
FILE = "resampled.json"
SCHEMA = "resampled/1"
LARGEST = 4_000_000
"""bytes of a file of drawings that is read; ten thousand drawings have one of 1 MB"""
MOST = 20
"""runs that are paired with the baseline; the first ones"""
Intervals = dict[str, dict[str, list[float] | None]]


def paired_intervals(runs: Sequence[Run], base: Run) -> Intervals:
    """By run and name of a figure the 95 % interval of its difference to the baseline. Only runs
    that scored the baseline's images with its drawings have any."""
    judged = [run for run in runs if run.kind == "evaluate" and run != base][:MOST]
    if base.kind != "evaluate" or not judged:
        return {}
    drawn = _drawings([base, *judged])
    zero = drawn.get(base.uid)
    return {
        uid: _differences(found, zero)
        for uid, found in drawn.items()
        if zero is not None and found is not zero and found.images_of == zero.images_of
    }


@dataclass(frozen=True)
class Drawings:
    """Figures by name in every drawing, NaN where one has no value; and of which images."""

    images_of: Mapping[str, Any]
    values: Mapping[str, Columns]


def _differences(found: Drawings, zero: Drawings) -> dict[str, list[float] | None]:
    return {
        name: interval(values - zero.values[name])
        for name, values in found.values.items()
        if name in zero.values and values.shape == zero.values[name].shape
    }


def _drawings(runs: Sequence[Run]) -> dict[str, Drawings]:
    """The drawings of each run that has them, of its newest attempt."""
    rows = Output.objects.filter(
        project=runs[0].project_id, run_uid__in=[run.uid for run in runs], name="evaluation"
    )
    newest = {output.run_uid: output for output in rows.order_by("id")}
    found = {uid: _read(output) for uid, output in newest.items()}
    return {uid: drawings for uid, drawings in found.items() if drawings is not None}


def _read(output: Output) -> Drawings | None:
    """None for an evaluation without the file; one that is broken is told in the log, since the
    page has its figures all the same."""
    entry = file_of(output, FILE)
    if entry is None or entry["size"] > LARGEST:
        return None
    try:
        loaded = json.loads(read_blob(entry["sha256"], LARGEST))
        if loaded["schema"] != SCHEMA:
            return None
        values = {
            str(name): np.array(row, dtype=np.float64).reshape(-1)
            for name, row in loaded["values"].items()
        }
        return Drawings(dict(loaded["images_of"]), values)
    except (BlobError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("%s of %s cannot be read: %s", FILE, output.ref, error)
        return None
