"""The one child process of a run: its command line, its environment, its end.

It leads a session and process group of its own. Its stdin is a pipe that we hold open: when this
process dies, the pipe ends and the child stops at its next safe point.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.messages import Claim
from jobs.processes import RUN_TAG, is_same, kill_run, send, start_time, tag_of
from jobs.settings import ROOT, HostSettings
from mlcore.run.folder import write_json

PID_FILE = "child.json"
_ALLOWED = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP",
    "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_CACHE_HOME", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HF_HOME",
    "HF_HUB_OFFLINE", "HF_HUB_CACHE", "TRANSFORMERS_OFFLINE", "TOKENIZERS_PARALLELISM",
})
_ALLOWED_PREFIXES = (
    "LC_", "OMP_", "MKL_", "OPENBLAS_", "NCCL_", "GLOO_", "TORCH", "PYTORCH_", "NVIDIA_",
    "MLFLOW_",
)
"""with where a training tells its figures, and how it says who it is there"""


@dataclass(frozen=True)
class PidRecord:
    """Who runs a run folder now, and for which attempt. Times in seconds since the epoch."""

    pid: int
    pgid: int
    started: float
    worker_pid: int
    worker_started: float
    attempt_id: str = ""
    number: int = 0
    lease: str = ""


def child_environment(
    claim: Claim, settings: HostSettings, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables that a job sees: an allow-list, so never the host token or a database URL."""
    source = os.environ if environ is None else environ
    kept = {k: v for k, v in source.items() if k in _ALLOWED or k.startswith(_ALLOWED_PREFIXES)}
    if claim.gpus is not None:
        kept["CUDA_VISIBLE_DEVICES"] = ",".join(str(index) for index in claim.gpus)
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "GATEHOUSE_ALLOWED_ROOTS": settings.allowed_roots,
        RUN_TAG: tag_of(claim.uid, claim.number),
    }


def build_command(
    program: Sequence[str], claim: Claim, config: Path, folder: Path, bindings: Mapping[str, Path]
) -> list[str]:
    """The command line of the child. Values of `--set` are JSON, which is YAML too."""
    command = [
        *program, "run", str(config),
        "--run-dir", str(folder), "--attempt", str(claim.number), "--stdin-guard",
    ]
    for key, value in claim.overrides.items():
        command += ["--set", f"{key}={json.dumps(value, ensure_ascii=False)}"]
    for ref, path in bindings.items():
        command += ["--bind", f"{ref}={path}"]
    return [*command, "--resume"] if claim.resume else command


class Child:
    """A started child. Methods may be called from several threads."""

    def __init__(
        self, claim: Claim, folder: Path, command: Sequence[str], env: Mapping[str, str], log: Path
    ) -> None:
        self._claim = claim
        self._tag = env[RUN_TAG]
        self._pid_file = folder / PID_FILE
        log.parent.mkdir(parents=True, exist_ok=True)
        # O_APPEND, so that the rotation of the file by truncation is seen by the writer.
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=folder, env=dict(env), stdin=subprocess.PIPE, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
        try:
            write_json(self._pid_file, asdict(self._record()))
        except OSError:
            self.kill()
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status once the leader ended (negative: minus the signal), else None."""
        return self._process.poll()

    def request_stop(self) -> None:
        """SIGTERM to the leader: stop at the next safe point."""
        if self._process.poll() is None:
            send(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to everything of the run."""
        kill_run(self._tag, self.pid)

    def close(self) -> None:
        """After the leader's end: kill stragglers, close the pipe, remove the pid file."""
        self.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        record = read_record(self._pid_file.parent)
        if record is not None and record.pid == self.pid:
            self._pid_file.unlink(missing_ok=True)

    def _record(self) -> PidRecord:
        started = start_time(self.pid) or 0.0
        worker = os.getpid()
        claim = self._claim
        return PidRecord(
            self.pid, self.pid, started, worker, start_time(worker) or 0.0,
            claim.attempt_id, claim.number, claim.lease,
        )


def read_record(folder: Path) -> PidRecord | None:
    """The pid record of a run folder; None when there is none or it is not readable as one."""
    try:
        return PidRecord(**json.loads((folder / PID_FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def kill_leftovers(folder: Path, uid: str, grace_s: float = 0.0) -> int:
    """Kill what an earlier attempt of a run left on this host; returns how many processes.

    The leader is asked first and has `grace_s` to save. It was told before, by the end of its
    stdin, if its worker is dead.
    """
    record = read_record(folder)
    if record is None:
        return 0
    if grace_s > 0 and is_same(record.pid, record.started):
        send(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and is_same(record.pid, record.started):
            time.sleep(0.05)
    session = record.pgid if is_same(record.pid, record.started) else None
    killed = kill_run(f"{uid}/", session)
    (folder / PID_FILE).unlink(missing_ok=True)
    return killed
