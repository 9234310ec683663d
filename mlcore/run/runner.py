"""Run one config file: folder, events, manifest, the job, its outputs, its exit code.

The first event is written before anything heavy is imported, so a launch shows life at once.
The exit code and report.json are the verdict; a missing event never changes them.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlcore.config.compose import Source
from mlcore.config.load import LoadedConfig, load_config
from mlcore.config.overrides import inputs_of
from mlcore.errors import (
    ConfigError,
    GateFailedError,
    GatehouseError,
    InfrastructureError,
)
from mlcore.kinds import KINDS, entry_point
from mlcore.run.classify import classified
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder, write_json
from mlcore.run.hashing import file_sha256, tree_digest, tree_entries
from mlcore.run.manifest import build_manifest, command_line
from mlcore.run.signals import StopSignal


@dataclass(frozen=True)
class RunOptions:
    """How to run: where, with which runtime overrides and which bound inputs."""

    run_dir: Path
    overrides: Sequence[str] = ()
    bindings: Mapping[str, Path] = field(default_factory=dict)
    attempt: int | None = None
    resume: bool = False
    stdin_guard: bool = False


def execute(config_path: Path, options: RunOptions) -> ExitCode:
    """Run a config to its end and return the exit code. Reports errors; raises none of ours."""
    try:
        loaded = load_config(config_path, options.overrides)
    except ConfigError as error:
        _print_problems(error)
        try:
            _record_early_failure(options, error)
        except (OSError, InfrastructureError) as second:
            _say(f"error: cannot write the reason: {second}")
        return error.exit_code
    stop = StopSignal()
    stop.install()
    if options.stdin_guard:
        stop.follow_parent(sys.stdin.fileno())
    try:
        ctx = _open(loaded, config_path, options, stop)
    except OSError as error:
        _say(f"error: cannot use the run folder: {error}")
        return ExitCode.INFRA
    except GatehouseError as error:
        _say(f"error: {error.message}")
        return error.exit_code
    return _supervised(loaded, ctx)


def _record_early_failure(options: RunOptions, error: ConfigError) -> None:
    """Say in the run folder why nothing started, so that the console shows the reason."""
    folder = RunFolder(options.run_dir)
    events = EventWriter(folder.events(options.attempt or folder.last_attempt() + 1))
    for problem in error.problems:
        events.error(error.code, problem.message, error.hint, f"{problem.file}:{problem.line}")
    events.close()


def _open(
    loaded: LoadedConfig, config_path: Path, options: RunOptions, stop: StopSignal
) -> RunContext:
    folder = RunFolder(options.run_dir)
    last = folder.last_attempt()
    if last and not options.resume and options.attempt is None:
        raise ConfigError(
            f"{folder.root} already holds a run",
            hint="Give --resume to continue it or another --run-dir.",
        )
    attempt = options.attempt or last + 1
    events = EventWriter(folder.events(attempt))
    events.status("starting", f"{KINDS[loaded.kind].title}: reading inputs")
    _write_sources(folder, loaded.sources)
    write_json(folder.resolved_config, {**loaded.resolved, "sha256": loaded.sha256})
    return RunContext(
        folder=folder,
        events=events,
        stop=stop,
        attempt=attempt,
        resuming=options.resume and last > 0,
        config_dir=config_path.resolve().parent,
        bindings=options.bindings,
    )


def _supervised(loaded: LoadedConfig, ctx: RunContext) -> ExitCode:
    try:
        report = _work(loaded, ctx)
        code = ExitCode.OK
    except GateFailedError as error:
        report, code = error.report, _report_error(ctx, error)
    except GatehouseError as error:
        report, code = None, _report_error(ctx, error)
    except Exception as error:
        # The outermost frame of the process: every other error becomes an exit code here.
        _say(traceback.format_exc())
        report, code = None, _report_error(ctx, classified(error))
    return _finish(loaded, ctx, report, code)


def _work(loaded: LoadedConfig, ctx: RunContext) -> dict[str, Any]:
    inputs = []
    for use in inputs_of(loaded.model):
        place = ctx.resolve(use.ref)
        inputs.append({**asdict(use), "digest": content_digest(place), "folder": str(place)})
    write_json(
        ctx.folder.manifest,
        build_manifest(
            kind=loaded.kind,
            config_sha256=loaded.sha256,
            seed=loaded.model.seed,
            attempt=ctx.attempt,
            sources=_source_rows(loaded.sources),
            inputs=inputs,
            command=command_line(),
        ),
    )
    ctx.events.status("loading", "importing the libraries of this job")
    return entry_point(loaded.kind)(loaded.model, ctx)


def content_digest(path: Path) -> str:
    """The digest of an input: of a file's bytes, or of a folder as a tree of hashed files."""
    return file_sha256(path) if path.is_file() else tree_digest(tree_entries(path))


def _finish(
    loaded: LoadedConfig, ctx: RunContext, report: dict[str, Any] | None, code: ExitCode
) -> ExitCode:
    try:
        if report is not None:
            ctx.events.status("finishing", "hashing the outputs")
            write_json(ctx.folder.outputs, {"outputs": _outputs(loaded.kind, ctx)})
            write_json(ctx.folder.report, _ranked(report))
        ctx.events.close()
    except (OSError, InfrastructureError) as error:
        _say(f"error: cannot write the result: {error}")
        return ExitCode.INFRA
    return code


def _ranked(report: dict[str, Any]) -> dict[str, Any]:
    """The report with a `rank` in each headline figure: JSON objects keep no order."""
    headline = report.get("headline", {})
    ranked = {name: {**entry, "rank": rank} for rank, (name, entry) in enumerate(headline.items())}
    return {**report, "headline": ranked}


def _outputs(kind: str, ctx: RunContext) -> list[dict[str, Any]]:
    rows = []
    for name, type_ in KINDS[kind].outputs.items():
        folder = ctx.folder.artifacts / name
        if folder.is_dir():
            entries = tree_entries(folder)
            files = [asdict(entry) for entry in entries]
            rows.append(
                {"name": name, "type": type_, "digest": tree_digest(entries), "files": files}
            )
    return rows


def _report_error(ctx: RunContext, error: GatehouseError) -> ExitCode:
    _say(f"error: {error.message}")
    if error.hint:
        _say(f"hint: {error.hint}")
    try:
        ctx.events.error(error.code, error.message, error.hint, error.where)
    except InfrastructureError as second:
        _say(f"error: {second.message}")
        return ExitCode.INFRA
    return error.exit_code


def _say(text: str) -> None:
    """A line for people. The log may lie on the disk that is full: then the exit code, which the
    words only explain, has to do without them."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def _print_problems(error: ConfigError) -> None:
    for problem in error.problems:
        _say(str(problem))


def _write_sources(folder: RunFolder, sources: list[Source]) -> None:
    """Copy every YAML of the chain; the number keeps the order and equal names apart."""
    for row, source in zip(_source_rows(sources), sources, strict=True):
        (folder.root / row["file"]).write_text(source.text, encoding="utf-8", newline="")


def _source_rows(sources: list[Source]) -> list[dict[str, str]]:
    return [
        {
            "file": f"config/{index:02d}-{Path(source.path).name}",
            "path": source.path,
            "sha256": hashlib.sha256(source.text.encode()).hexdigest(),
        }
        for index, source in enumerate(sources)
    ]
