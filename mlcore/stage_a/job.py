"""The `stage_a` job: a mission's tickets in, a summary of each of their images out.

Writes stage_a.jsonl (what Stage-B reads), answers.jsonl, rejects.jsonl, meta.json and pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from mlcore.errors import DataError, InterruptedRunError
from mlcore.predict.config import AdapterSystem
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json
from mlcore.run.hashing import tree_digest, tree_entries
from mlcore.stage_a.answer import Task
from mlcore.stage_a.config import DatasetSource, FolderSource, StageAConfig
from mlcore.stage_a.datasets import find_in_dataset
from mlcore.stage_a.figures import figures_of, headline_of
from mlcore.stage_a.folders import find_in_folders, opened_folders
from mlcore.stage_a.group import Found, Group, drawn
from mlcore.stage_a.ledger import Ledger
from mlcore.stage_a.record import SCHEMA
from mlcore.stage_a.samples import Samples
from mlcore.stage_a.sanitise import FORMS
from mlcore.stage_a.shards import answers

QUESTION = "stage_a.json"
"""in the folder of checkpoints: what was asked, so that another attempt asks the same"""


def run(config: StageAConfig, ctx: RunContext) -> dict[str, Any]:
    """Summarise every image and return the report.

    Raises DataError where there is no ticket or too many are rejected, InterruptedRunError where a
    stop was asked for: the next attempt asks only about tickets that are not written yet.
    """
    ctx.events.status("loading", "looking for tickets")
    with _found(config, ctx) as found:
        return _summarised(config, ctx, found)


@contextmanager
def _found(config: StageAConfig, ctx: RunContext) -> Iterator[Found]:
    """The tickets, whose pictures are there as long as the work takes."""
    source = config.source
    if isinstance(source, DatasetSource):
        yield find_in_dataset(ctx.resolve(source.dataset), source)
        return
    root, into = ctx.resolve(source.root), ctx.folder.root / "unpacked"
    with opened_folders(root, into, config.mission) as folder:
        yield find_in_folders(folder, config.mission)


def _summarised(config: StageAConfig, ctx: RunContext, found: Found) -> dict[str, Any]:
    for code, message in found.warnings:
        ctx.events.warning(code, message)
    limits = config.limits
    groups = drawn(found.groups, limits.passed, limits.failed, limits.seed)
    if not groups:
        raise DataError("limits leave no ticket", hint="Raise limits.passed or limits.failed.")
    task = _task(config, ctx, found)
    meta = _meta(config, found, groups, task)
    folder = ctx.output("summaries")
    resume = _same_question(ctx, meta, groups)
    keeps = isinstance(config.source, FolderSource) and config.source.keep_images
    with Ledger(
        folder,
        config.mission,
        groups,
        config.max_reject_share,
        resume=resume,
        keep_from=found.root if keeps else None,
    ) as ledger:
        seconds = _asked(config, ctx, task, ledger)
        ledger.finish()
    figures = figures_of(ledger.settled, seconds)
    counts = Counter(row.form for one in ledger.settled for row in one.rows)
    meta |= {
        "tickets": len(groups) - ledger.rejected,
        "rejected": ledger.rejected,
        "images": sum(counts.values()),
        "forms": {form: counts[form] for form in FORMS},
    }
    write_json(folder / "meta.json", meta)
    return {
        "schema": SCHEMA,
        "headline": headline_of(figures, len(groups), ledger.rejected),
        "figures": figures,
        "summaries": meta,
        "seconds": sum(seconds),
    }


def _task(config: StageAConfig, ctx: RunContext, found: Found) -> Task:
    """Raises ConfigError where the prefix of answers names a dataset and there is none."""
    messages, system = config.asked(), config.system
    messages.prefix("summary", found.dataset)
    adapter = system.adapter if isinstance(system, AdapterSystem) else None
    return Task(
        root=found.root,
        model=ctx.resolve(system.model),
        adapter=None if adapter is None else ctx.resolve(adapter),
        messages=messages,
        dataset=found.dataset,
        resize=config.source.resize if isinstance(config.source, FolderSource) else None,
        sampling=config.sampling,
        seed=config.seed,
        max_new_tokens=config.max_new_tokens,
        batch_size=config.batch_size,
        bucket=config.bucket,
        device=config.device,
        dtype=config.dtype,
        threads=config.threads,
    )


def _meta(
    config: StageAConfig, found: Found, groups: Sequence[Group], task: Task
) -> dict[str, Any]:
    """What is asked. Its numbers of images and tickets come when they are known."""
    return {
        "schema": SCHEMA,
        "mission": config.mission,
        "source": {**config.source.model_dump(mode="json"), **found.about},
        "limits": config.limits.model_dump(mode="json"),
        "labels": {label: sum(g.label == label for g in groups) for label in ("pass", "fail")},
        "system": config.system.type,
        # An adapter's own files name the checkpoint below it by digest.
        "model_digest": tree_digest(tree_entries(task.adapter or task.model)),
        "generation": {
            "max_new_tokens": config.max_new_tokens,
            "messages": task.messages.model_dump(mode="json"),
            "dtype": config.dtype,
            "seed": config.seed,
            **config.sampling.model_dump(mode="json"),
        },
    }


def _same_question(ctx: RunContext, meta: dict[str, Any], groups: Sequence[Group]) -> bool:
    """Whether an earlier attempt of this run asked the same; notes what this one asks."""
    listed = [[g.ticket_key, g.problem, [p.path for p in g.photos]] for g in groups]
    asked = json.dumps([meta, listed], ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(asked.encode()).hexdigest()
    path = ctx.folder.checkpoints / QUESTION
    same = False
    if ctx.resuming and path.is_file():
        same = json.loads(path.read_text(encoding="utf-8")).get("question") == digest
        if not same:
            words = "tickets, model or words are others than before: everything is asked anew"
            ctx.events.warning("resume_discarded", words)
    write_json(path, {"question": digest})
    return same


def _asked(config: StageAConfig, ctx: RunContext, task: Task, ledger: Ledger) -> list[float]:
    """Ask what is left; returns the seconds of each image."""
    samples = Samples(ctx, task.root, config.samples, ledger.settled)
    done = sum(len(one.group.photos) for one in ledger.settled)
    if ledger.settled:
        ctx.events.status("loading", f"{len(ledger.settled)} tickets are done already")
    samples.show(ledger.take([]))
    jobs = ledger.jobs()
    seconds: list[float] = []
    if not jobs:
        return seconds
    ctx.events.status("loading", "loading the model")
    with closing(answers(task, jobs, config.processes, ctx.events)) as coming:
        for batch in coming:
            if batch and not seconds:
                ctx.events.status("running", f"summarising {len(jobs)} images")
            seconds += [answer.seconds for answer in batch]
            samples.show(ledger.take(batch))
            if batch:
                ctx.events.progress(done + len(seconds), done + len(jobs), "images")
            if ctx.stop.requested and len(seconds) < len(jobs):
                raise InterruptedRunError(
                    f"stopped on request after {len(ledger.settled)} tickets",
                    hint="Resume asks about the others.",
                )
    return seconds
