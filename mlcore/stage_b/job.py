"""The `stage_b` job: tickets in, verdicts and what people should look at out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from mlcore.contract.domains import Domain
from mlcore.errors import InterruptedRunError
from mlcore.randomness import sample_rng
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json
from mlcore.stage_b.artifacts import META, REPORT, Artifacts
from mlcore.stage_b.backends.open import open_backend
from mlcore.stage_b.backends.protocol import Backend
from mlcore.stage_b.config import StageBConfig
from mlcore.stage_b.decide import decide
from mlcore.stage_b.figures import run_report
from mlcore.stage_b.guidance.model import Guidance, guidance_json, parse_guidance
from mlcore.stage_b.guidance.store import GuidanceStore, opened
from mlcore.stage_b.ingest import domain_of_mission, read_tickets
from mlcore.stage_b.journal import FILE as JOURNAL
from mlcore.stage_b.journal import SCHEMA as JOURNAL_SCHEMA
from mlcore.stage_b.journal import Journal, JournaledBackend, digest
from mlcore.stage_b.judging import Judgements
from mlcore.stage_b.learner import Judged, Learner, NoLearner
from mlcore.stage_b.recorder import Recorder
from mlcore.stage_b.reflection.learner import Reflection
from mlcore.stage_b.reflection.open import open_reflector
from mlcore.stage_b.reflection.report import with_reflection
from mlcore.stage_b.reports import write_reports
from mlcore.stage_b.rows import SCHEMA
from mlcore.stage_b.search.config import RuleSearchConfig
from mlcore.stage_b.search.loop import Search, Searched
from mlcore.stage_b.search.open import open_proposer
from mlcore.stage_b.search.proposer import Proposer
from mlcore.stage_b.search.report import with_search
from mlcore.stage_b.search.split import three_parts
from mlcore.stage_b.suspects import label_suspects
from mlcore.stage_b.tally import Confusion
from mlcore.stage_b.ticket import Ticket

GUIDANCE_FILE, HYPOTHESES = "guidance.json", "hypotheses.json"


def run(config: StageBConfig, ctx: RunContext) -> dict[str, Any]:
    """Judge every ticket in every epoch, after a search of rules where one is asked for, and
    return the report. A run that resumes goes on from its journal.

    Raises ConfigError for an unknown mission, DataError on bad summaries or guidance,
    InterruptedRunError when a stop was asked for.
    """
    domain = domain_of_mission(config.mission, config.domain)
    store = GuidanceStore(ctx.output("guidance"), config.learnt.retention)
    with closing(Journal(ctx.folder.root / JOURNAL, resume=ctx.resuming)) as journal:
        first = _first(config, ctx, store, journal)
        paths = [ctx.resolve(ref) for ref in config.summaries]
        tickets = read_tickets(paths, config.mission, config.exclude)[: config.limit]
        _begin(config, journal, tickets, first)
        ctx.events.status("loading", "opening who writes")
        backend: Backend = open_backend(
            config.backend,
            ctx,
            seed=config.seed,
            max_prompt_tokens=config.sampler.max_prompt_tokens,
        )
        backend = JournaledBackend(backend, journal)
        judgements = Judgements(config, backend, domain, partial(_stop_point, ctx))
        folder = ctx.output("verdicts")
        with Artifacts(folder) as files:
            searched = None
            if config.search is not None:
                proposer = open_proposer(
                    config.search.proposer, ctx, journal, backend, domain, config.seed
                )
                searched = _search(
                    config, config.search, ctx, tickets, first, judgements, store, proposer
                )
            learner = _learner(config, ctx, searched, first, store, journal, backend, domain)
            recorder = _recorder(config, ctx, files, len(tickets), journal)
            counts = _epochs(config, ctx, tickets, learner, judgements, recorder)
            if searched is not None:
                files.add("rule_candidates.jsonl", searched.rows)
            write_reports(files, recorder, domain, config)
            if isinstance(learner, Reflection):
                write_json(folder / HYPOTHESES, learner.pool.to_json())
    _write_meta(folder, config, backend, tickets, first, learner.guidance)
    totals = recorder.totals
    report = run_report(
        counts,
        len(tickets),
        candidates=totals.candidates,
        well_formed=totals.well_formed,
        suspects=len(recorder.review),
    )
    report["model_digest"] = backend.model_digest
    if isinstance(learner, Reflection):
        report = with_reflection(report, learner)
    elif searched is not None:
        report = with_search(report, searched)
    write_json(folder / REPORT, report)
    return report


def _first(
    config: StageBConfig, ctx: RunContext, store: GuidanceStore, journal: Journal
) -> Guidance:
    """The guidance that the run begins with: that of the attempt which is resumed, else that of an
    earlier run of the name, else the one that the config names."""
    begun = journal.begun()
    if begun is not None:
        first = parse_guidance(config.mission, begun.get("guidance"), JOURNAL)
        store.begin(first)
        ctx.events.status("loading", "going on from the journal")
        ctx.events.rewind(0)
        return first
    seed_file = guidance_file(ctx.resolve(config.guidance))
    first, continued = opened(store, seed_file, config.mission, fresh=config.learnt.fresh)
    if continued:
        ctx.events.status("loading", f"going on from step {first.step} of this run's guidance")
    return first


def _begin(
    config: StageBConfig, journal: Journal, tickets: Sequence[Ticket], first: Guidance
) -> None:
    what = {
        "schema": JOURNAL_SCHEMA,
        "config": config.model_dump(mode="json", include=_WHAT_IS_LEARNT, exclude=_WHO_WRITES),
        "tickets": digest([[t.ticket_key, list(t.evidence.summaries)] for t in tickets]),
        "guidance": guidance_json(first),
    }
    journal.step("begin", what)


_WHAT_IS_LEARNT = {
    *("mission", "seed", "prompt", "sampler", "selection", "runner"),
    *("search", "reflection"),
}
"""sections of a config that a run which resumes must have as they were"""
_WHO_WRITES = {
    "search": {"proposer": {"backend": True}},
    "reflection": {"reflector": {"backend": True}},
}
"""of these: where and how fast somebody writes may change"""


def _stop_point(ctx: RunContext) -> None:
    if ctx.stop.requested:
        raise InterruptedRunError(
            "stopped on request", hint="Resume continues from the last batch that was answered."
        )


def _search(
    config: StageBConfig,
    asked: RuleSearchConfig,
    ctx: RunContext,
    tickets: Sequence[Ticket],
    guidance: Guidance,
    judgements: Judgements,
    store: GuidanceStore,
    proposer: Proposer,
) -> Searched:
    ctx.events.status("running", "searching rules")
    shares = (asked.propose_share, asked.gate_share)
    parts = three_parts(tickets, shares, config.seed)
    stop = partial(_stop_point, ctx)
    search = Search(asked, judgements.decided, proposer, store, ctx.events, stop)
    return search.run(parts, guidance)


def _learner(
    config: StageBConfig,
    ctx: RunContext,
    searched: Searched | None,
    first: Guidance,
    store: GuidanceStore,
    journal: Journal,
    backend: Backend,
    domain: Domain,
) -> Learner:
    """What changes guidance while tickets are judged, where the config asks for it."""
    if config.reflection is None:
        return NoLearner(searched.guidance if searched else first)
    return Reflection(
        config.reflection,
        first,
        store,
        open_reflector(config.reflection, ctx, journal, backend, domain, config.seed),
        journal,
        config.selection.policy(),
        partial(_stop_point, ctx),
    )


def _recorder(
    config: StageBConfig, ctx: RunContext, files: Artifacts, tickets: int, journal: Journal
) -> Recorder:
    return Recorder(
        files,
        ctx.events,
        tickets,
        config.runner.epochs,
        config.runner.logging_steps,
        config.seed,
        lambda: journal.now,
    )


def guidance_file(path: Path) -> Path:
    """The guidance file that a reference means: itself, or the one in its folder."""
    return path / GUIDANCE_FILE if path.is_dir() else path


def epoch_order(tickets: Sequence[Ticket], seed: int, epoch: int) -> list[Ticket]:
    """The tickets in the order of one epoch: a pure function of (seed, epoch, how many)."""
    order = sample_rng(seed, epoch, "", "stage_b/order").permutation(len(tickets))
    return [tickets[i] for i in order]


def _epochs(
    config: StageBConfig,
    ctx: RunContext,
    tickets: Sequence[Ticket],
    learner: Learner,
    judgements: Judgements,
    recorder: Recorder,
) -> Confusion:
    total = len(tickets) * config.runner.epochs
    policy = config.selection.policy()
    counts, done = Confusion(), 0
    for epoch in range(1, config.runner.epochs + 1):
        ctx.events.status("running", f"judging, epoch {epoch} of {config.runner.epochs}")
        order = epoch_order(tickets, config.seed, epoch)
        for start in range(0, len(order), config.runner.batch_tickets):
            batch = order[start : start + config.runner.batch_tickets]
            now = learner.guidance
            judged = [
                Judged(one, decide(one, now, policy), epoch, learner.cycle, now)
                for one in judgements.rolled(batch, now)
            ]
            recorder.judged(judged)
            recorder.lesson(judged, learner.heard(judged))
            done += len(batch)
            ctx.events.progress(done, total, "tickets")
        lesson = learner.epoch_over(epoch)
        last = lesson.done or epoch == config.runner.epochs
        doubted = label_suspects(list(recorder.last.values())) if last else []
        counts = recorder.epoch_over(lesson, doubted if config.label_suspects else [])
        if last:
            break
    return counts


def _write_meta(
    folder: Path,
    config: StageBConfig,
    backend: Backend,
    tickets: Sequence[Ticket],
    before: Guidance,
    after: Guidance,
) -> None:
    meta = {
        "schema": SCHEMA,
        "mission": config.mission,
        "tickets": len(tickets),
        "labels": {label: sum(t.label == label for t in tickets) for label in ("pass", "fail")},
        "seed": config.seed,
        "backend": dict(backend.about),
        "sampler": config.sampler.model_dump(mode="json"),
        "selection": config.selection.model_dump(mode="json"),
        "guidance_before": guidance_json(before),
        "guidance_after": guidance_json(after),
    }
    write_json(folder / META, meta)
