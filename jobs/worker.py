"""`python -m jobs.worker --queues cpu,gpu --slots N`, or `--control` beside the console."""
from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any

from celery import signals
from celery.apps.worker import Worker as CeleryWorker
from celery.beat import EmbeddedService
from celery.platforms import SecurityWarning

from jobs import tasks
from jobs.celery import TICK_S, app, tick_schedule
from jobs.client import HostClient
from jobs.errors import SettingsError
from jobs.host import Announcer, find_gpus
from jobs.salvage import salvage_all
from jobs.settings import HostSettings, load_settings

QUIET = ("httpx2", "celery.beat", "celery.worker.strategy", "celery.app.trace")
"""loggers whose information comes several times a second or every few seconds"""
logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a worker until SIGTERM or SIGINT. Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Celery warns of root because of pickle; here only JSON is accepted.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    try:
        settings = load_settings()
    except SettingsError as error:
        parser.error(str(error))
    # A child's environment is an allow-list; this keeps the token out of /proc of later forks too.
    os.environ.pop("GATEHOUSE_HOST_TOKEN", None)
    client = HostClient(settings.url, settings.token)
    try:
        if options.control:
            return _run_control(client, options.tick, options.log_level)
        return _run_jobs(client, settings, options)
    finally:
        client.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs.worker", description=__doc__)
    parser.add_argument(
        "--queues", default="auto",
        help="comma separated: cpu, gpu; auto is cpu, and gpu where there is one",
    )
    parser.add_argument("--slots", type=int, default=1, help="runs at a time")
    parser.add_argument("--control", action="store_true", help="the control worker: periodic work")
    parser.add_argument("--tick", type=float, default=TICK_S, help="seconds between ticks")
    parser.add_argument("--host", help="name of this host; default: the machine's name")
    parser.add_argument("--log-level", default="info")
    return parser


def choose_queues(wanted: str, *, has_gpu: bool) -> list[str]:
    """The queues of a `--queues` value, in its order."""
    if wanted == "auto":
        return ["cpu", "gpu"] if has_gpu else ["cpu"]
    return [name.strip() for name in wanted.split(",") if name.strip()]


def _run_jobs(client: HostClient, settings: HostSettings, options: argparse.Namespace) -> int:
    gpus = find_gpus()
    queues = choose_queues(options.queues, has_gpu=bool(gpus))
    salvage = threading.Thread(
        target=salvage_all, args=(client, settings), name="salvage", daemon=True
    )
    salvage.start()
    announcer = Announcer(
        client, queues=queues, gpus=gpus, slots=options.slots, host=options.host,
        roots=[root for root in settings.allowed_roots.split(":") if root],
    )
    worker = tasks.Worker(settings, client, announcer)
    tasks.serve(worker=worker)

    def wake_self(**_: Any) -> None:
        """What was queued while no worker lived starts now, not at the next re-wake."""
        for _number in range(options.slots):
            tasks.wake.apply_async(queue=queues[0])

    def stop_children(**_: Any) -> None:
        worker.shutdown.set()
        announcer.stop()

    signals.worker_ready.connect(wake_self, weak=False)
    signals.worker_shutting_down.connect(stop_children, weak=False)
    announcer.start()
    try:
        return _serve_celery(queues, options.slots, f"jobs-{os.getpid()}", options.log_level)
    finally:
        announcer.stop()


def _run_control(client: HostClient, tick_s: float, log_level: str) -> int:
    control = tasks.Control(client)
    tasks.serve(control=control)
    app.conf.beat_schedule = tick_schedule(tick_s)
    beat = EmbeddedService(
        app, thread=True, max_interval=tick_s, scheduler_cls="celery.beat:Scheduler"
    )
    watch = threading.Thread(
        target=control.watch, args=(3 * tick_s,), name="tick-watch", daemon=True
    )

    def start_beat(**_: Any) -> None:
        beat.start()

    signals.worker_ready.connect(start_beat, weak=False)
    watch.start()
    try:
        return _serve_celery(["control"], 1, f"control-{os.getpid()}", log_level)
    finally:
        control.stop()
        if beat.is_alive():
            beat.stop()


def _serve_celery(queues: list[str], slots: int, name: str, log_level: str) -> int:
    """Run Celery's worker in this process with a thread per slot."""
    worker = CeleryWorker(
        app=app,
        hostname=f"{name}@{socket.gethostname()}",
        pool_cls="threads",
        concurrency=slots,
        queues=queues,
        loglevel=log_level.upper(),
        quiet=True,
        without_mingle=True,
        without_gossip=True,
        optimization="fair",
    )
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main())
