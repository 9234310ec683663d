"""What a model drew on the images of tickets: the answers of a predict run on the dataset that the
summaries were made of.

Of several such runs the newest of the model that wrote the summaries counts, else the newest. An
answer that cannot be read draws nothing; the run's own evaluation counts those.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from console.catalog.models import Output
from console.catalog.output_rows import UnreadableOutputError, object_of, objects_of
from console.catalog.queries import file_of
from console.runs.models import Run
from mlcore.coordjson.errors import AnswerError
from mlcore.coordjson.format import AnswerFormat, read_answer
from mlcore.geometry.spaces import to_pixels

log = logging.getLogger(__name__)
ANSWERS, META = "predictions.jsonl", "meta.json"
LOOKED_AT = 60
"""newest outputs of predictions among which the linked one is sought"""
Objects = list[dict[str, Any]]


@dataclass(frozen=True)
class Predicted:
    """Objects in pixels by the path of their image in the dataset, and the run that drew them;
    empty where no run did."""

    run: str = ""
    by_path: Mapping[str, Objects] = field(default_factory=dict)


def predicted_on(summaries: Output, upstream: Sequence[Output]) -> Predicted:
    """The objects on images of the datasets among `upstream`, by the linked run."""
    datasets = {output.pk for output in upstream if output.type == "dataset"}
    if not datasets:
        return Predicted()
    rows = Output.objects.filter(project=summaries.project_id, type="predictions")
    newest = list(rows.exclude(run_uid="").order_by("-id")[:LOOKED_AT])
    runs = Run.objects.filter(project=summaries.project_id, uid__in=[o.run_uid for o in newest])
    given = {
        run.uid: {binding.get("output") for binding in run.bindings}
        for run in runs.only("uid", "bindings")
    }
    linked = [output for output in newest if given.get(output.run_uid, set()) & datasets]
    if not linked:
        return Predicted()
    model = _meta(summaries).get("model_digest")
    same = [output for output in linked if model and _meta(output).get("model_digest") == model]
    chosen = (same or linked)[0]
    if file_of(chosen, ANSWERS) is None or file_of(chosen, META) is None:
        return Predicted()
    return Predicted(chosen.run_uid, _objects(chosen, chosen.digest))


@lru_cache(maxsize=4)
def _objects(output: Output, digest: str) -> Mapping[str, Objects]:
    """Objects by path. The digest names the bytes, so what was read once stays right."""
    out: dict[str, Objects] = {}
    try:
        format_ = AnswerFormat.model_validate(object_of(output, META).get("answer", {}))
        for row in objects_of(output, ANSWERS):
            if row.get("mode") == "dense" and row.get("draw", 0) == 0:
                out[str(row.get("image"))] = _read(row, format_)
    except (UnreadableOutputError, ValidationError) as error:
        # Tickets are decided without drawings as well.
        log.warning("predictions that cannot be read", extra={"error": str(error)[:400]})
        return {}
    return out


def _read(row: Mapping[str, Any], format_: AnswerFormat) -> Objects:
    width, height = int(row["width"]), int(row["height"])
    try:
        objects = read_answer(str(row["text"]), format_, width, height)
    except AnswerError:
        return []
    return [{"desc": o.desc, o.kind: list(to_pixels(o.bins, width, height))} for o in objects]


def _meta(output: Output) -> Mapping[str, Any]:
    """Empty where there is none, or none that can be read: it only helps to choose."""
    if file_of(output, META) is None:
        return {}
    try:
        return object_of(output, META)
    except UnreadableOutputError as error:
        log.warning("an output without readable meta.json", extra={"error": str(error)[:400]})
        return {}
