"""One claimed attempt from its inputs to its end: fetch, start, carry home, finish."""
from __future__ import annotations

import json
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.child import Child, build_command, child_environment, kill_leftovers
from jobs.client import HostClient
from jobs.courier import Courier
from jobs.errors import (
    ConsoleUnreachableError,
    FetchError,
    InputError,
    LeaseLostError,
    RefusedError,
    StoppedError,
)
from jobs.fetch import Fetcher, safe_relative
from jobs.messages import Claim, Earlier, Finish
from jobs.settings import HostSettings
from jobs.upload import Uploader
from jobs.warden import Warden
from mlcore.errors import InfrastructureError
from mlcore.run.events import EventWriter
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder

FAST_POLL_S = 0.05
SLOW_POLL_S = 0.2
FAST_FOR_S = 5.0
"""how long a young run is polled fast, so that its first events show at once"""
OFFLINE_PAUSE_S = 1.0
SHUTDOWN_PATIENCE_S = 10.0
"""how long a stopping worker waits for a console that does not answer"""
LEFTOVER_GRACE_S = 5.0
"""how long the child of an earlier attempt may take to save; it should have ended before"""
_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STOP_STATUSES = frozenset({ExitCode.CANCELLED, ExitCode.INTERRUPTED, -2, -9, -15})
logger = logging.getLogger(__name__)


class Supervisor:
    """Supervises one attempt. `supervise` returns when the attempt is told or lost."""

    def __init__(
        self, client: HostClient, claim: Claim, settings: HostSettings,
        *, heartbeat_s: float, shutdown: threading.Event,
    ) -> None:
        if not _UID.fullmatch(claim.uid):
            raise InputError(f"refused the run uid {claim.uid!r}")
        self._client = client
        self._claim = claim
        self._settings = settings
        self._shutdown = shutdown
        self._root = settings.runs / claim.uid
        self._warden = Warden(client, claim, settings, heartbeat_s=heartbeat_s, shutdown=shutdown)
        self._uploader = Uploader(client, self._root, self._check_lost)
        self._config_folder = settings.scratch / f"{claim.uid}-{claim.number}"

    def supervise(self) -> str:
        """Do it all; returns the run's state as the console said, or `lost`."""
        self._warden.start()
        try:
            return self._attempt()
        except LeaseLostError:
            self._warden.lose()
            return "lost"
        finally:
            self._warden.release()
            shutil.rmtree(self._config_folder, ignore_errors=True)

    def _attempt(self) -> str:
        try:
            killed = kill_leftovers(self._root, self._claim.uid, LEFTOVER_GRACE_S)
            if killed:
                logger.warning("%s: killed %d left-over processes", self._claim.uid, killed)
            folder = RunFolder(self._root)
        except OSError as error:
            return self._finish(Finish(ExitCode.INFRA, 0), str(error))
        courier = Courier(self._client, self._claim, folder, self._settings, self._uploader)
        try:
            if not all(self._bring_home(folder, earlier) for earlier in self._claim.earlier):
                return "lost"
            code = self._run_child(folder, courier)
            if not self._patiently(courier.drain):
                return "lost"
            return self._report(folder, courier, code)
        except LeaseLostError:
            raise
        except RefusedError as error:
            # The console will never take this: trying again would repeat it.
            return self._finish(Finish(ExitCode.BUG, courier.last_seq), str(error))
        except OSError as error:
            return self._finish(Finish(ExitCode.INFRA, courier.last_seq), str(error))

    def _bring_home(self, folder: RunFolder, earlier: Earlier) -> bool:
        """Send what an earlier attempt left unsaid when its worker died: the steps before its last
        checkpoint belong to this attempt's history. False when the lease was lost meanwhile."""
        claim = replace(self._claim, attempt_id=earlier.attempt_id, number=earlier.number)
        courier = Courier(self._client, claim, folder, self._settings, self._uploader)
        courier.go_on_from(earlier.last_seq, earlier.log_size)
        try:
            return self._patiently(courier.drain)
        except LeaseLostError:
            raise
        except RefusedError as error:
            logger.warning("%s: attempt %d stays cut: %s", claim.uid, claim.number, error)
            return True

    def _run_child(self, folder: RunFolder, courier: Courier) -> int:
        """Start the child and follow it to its end; returns the exit code to report."""
        try:
            child = self._start(folder)
        except StoppedError:
            return self._stop_code()
        except InputError as error:
            return self._failed_before(folder, ExitCode.DATA, "data", error)
        except (FetchError, ConsoleUnreachableError, OSError) as error:
            return self._failed_before(folder, ExitCode.INFRA, "infra", error)
        try:
            self._warden.watch(child)
            return self._meaning(self._follow(child, courier))
        finally:
            child.close()

    def _start(self, folder: RunFolder) -> Child:
        fetcher = Fetcher(self._client, self._settings, self._warden.check)
        bindings = {binding.ref: fetcher.fetch(binding) for binding in self._claim.bindings}
        config = self._write_config()
        self._warden.check()
        program = self._settings.program
        command = build_command(program, self._claim, config, folder.root, bindings)
        environment = child_environment(self._claim, self._settings)
        log = folder.log(self._claim.number)
        return Child(self._claim, folder.root, command, environment, log)

    def _write_config(self) -> Path:
        """The sources in a folder of their own, main file last so that its text wins."""
        shutil.rmtree(self._config_folder, ignore_errors=True)
        texts = {str(safe_relative(s.path)): s.text for s in self._claim.sources}
        main = str(safe_relative(self._claim.filename))
        for name, text in {**texts, main: self._claim.text}.items():
            path = self._config_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self._config_folder / main

    def _follow(self, child: Child, courier: Courier) -> int:
        started = time.monotonic()
        while True:
            code = child.poll()
            pause = FAST_POLL_S if time.monotonic() - started < FAST_FOR_S else SLOW_POLL_S
            try:
                if code is None and not self._warden.lost and courier.carry():
                    continue
            except (ConsoleUnreachableError, StoppedError) as error:
                logger.info("%s: buffering: %s", self._claim.uid, error)
                pause = OFFLINE_PAUSE_S
            if code is not None:
                return code
            time.sleep(pause)

    def _meaning(self, status: int) -> int:
        """A stop that we asked for is not a failure: what it was decides the code."""
        if self._warden.reason is not None and status in _STOP_STATUSES:
            return self._stop_code()
        return status

    def _stop_code(self) -> int:
        cancelled = self._warden.reason == "cancel"
        return ExitCode.CANCELLED if cancelled else ExitCode.INTERRUPTED

    def _failed_before(self, folder: RunFolder, code: ExitCode, word: str, error: Exception) -> int:
        """Say why nothing started, in the same event file that the child would have written."""
        logger.error("%s: %s", self._claim.uid, error)
        try:
            events = EventWriter(folder.events(self._claim.number))
            events.error(word, f"The inputs could not be prepared: {error}", where="supervisor")
            events.close()
        except (OSError, InfrastructureError) as second:
            logger.warning("%s: cannot write the reason: %s", self._claim.uid, second)
        return code

    def _report(self, folder: RunFolder, courier: Courier, code: int) -> str:
        report, manifest = _read_json(folder.report), _read_json(folder.manifest)
        outputs: tuple[Mapping[str, Any], ...] = ()
        reason = ""
        if code in (ExitCode.OK, ExitCode.GATE):
            outputs = tuple((_read_json(folder.outputs) or {}).get("outputs", ()))
            try:
                if not self._patiently(lambda: self._uploader.outputs(outputs)):
                    return "lost"
            except OSError as error:
                code, outputs, reason = ExitCode.INFRA, (), str(error)
        else:
            report = None
        end = Finish(int(code), courier.last_seq, report, manifest, outputs)
        return self._finish(end, reason)

    def _finish(self, end: Finish, reason: str) -> str:
        if reason:
            logger.error("%s: %s", self._claim.uid, reason)
        states: list[str] = []

        def tell() -> None:
            states.append(self._client.finish(self._claim.attempt_id, self._claim.lease, end))

        return states[-1] if self._patiently(tell) else "lost"

    def _patiently(self, work: Callable[[], None]) -> bool:
        """Do `work`, again while the console is away; False when the attempt was lost meanwhile."""
        stopping_since: float | None = None
        while not self._warden.lost:
            try:
                work()
                return True
            except ConsoleUnreachableError as error:
                logger.warning("%s: waiting for the console: %s", self._claim.uid, error)
            except StoppedError:
                return False
            if self._shutdown.is_set():
                stopping_since = stopping_since or time.monotonic()
                if time.monotonic() - stopping_since > SHUTDOWN_PATIENCE_S:
                    logger.error("%s: no console; left for the reaper", self._claim.uid)
                    return False
            time.sleep(OFFLINE_PAUSE_S)
        return False

    def _check_lost(self) -> None:
        if self._warden.lost:
            raise StoppedError("the lease is lost")


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        logger.warning("%s is not JSON", path)
        return None
    return value if isinstance(value, dict) else None
