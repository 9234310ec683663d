"""A small client of the console's public REST API, as any program outside would write it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

ACTIVE = frozenset({"queued", "running", "cancelling"})


class ApiError(Exception):
    """The console refused a request; the message holds its reasons."""


@dataclass(frozen=True)
class Run:
    """What the API says about a run. `figures` are its headline numbers as (name, text)."""

    uid: str
    state: str
    sentence: str = ""
    hint: str = ""
    done: float = 0.0
    total: float | None = None
    unit: str = ""
    figures: tuple[tuple[str, str], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


class Api:
    """Calls for one project. Raises ApiError for answers that are not a success, and
    httpx2.TransportError when there is no answer."""

    def __init__(self, url: str, token: str, project: str) -> None:
        self._runs = f"/api/v1/projects/{project}/runs/"
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=15.0,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def launch(self, name: str, filename: str, config: str, inputs: Mapping[str, str]) -> str:
        """Launch a run; returns its uid. One Idempotency-Key, so a repeat cannot launch twice."""
        body = {"name": name, "filename": filename, "config": config, "inputs": dict(inputs)}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        transport = httpx2.TransportError("no try was made")
        for pause in (0.0, 1.0, 3.0):
            time.sleep(pause)
            try:
                response = self._http.post(self._runs, json=body, headers=headers)
                return str(_checked(response).json()["uid"])
            except httpx2.TransportError as error:
                transport = error
        raise transport

    def run(self, uid: str) -> Run:
        """The run as it is now."""
        return parse_run(_checked(self._http.get(f"{self._runs}{uid}/")).json())

    def log_tail(self, uid: str, lines: int = 15) -> str:
        """The last lines of the log of the run's last attempt."""
        response = self._http.get(f"{self._runs}{uid}/log/", params={"tail": lines})
        return str(_checked(response).json()["text"])


def parse_run(body: Mapping[str, Any]) -> Run:
    """A Run from the API's JSON."""
    progress = body.get("progress") or {}
    return Run(
        uid=str(body["uid"]),
        state=str(body["state"]),
        sentence=_sentence(body),
        hint=str(body.get("hint") or ""),
        done=float(progress.get("done") or 0.0),
        total=progress.get("total"),
        unit=str(progress.get("unit") or ""),
        figures=tuple(_figures(body.get("headline") or {})),
        data=body,
    )


def _sentence(body: Mapping[str, Any]) -> str:
    """What the run does or why it ended, in the console's words."""
    if body["state"] == "queued":
        return str(body.get("waiting_reason") or "waits for a worker")
    if body["state"] in ACTIVE:
        return str(body.get("message") or body.get("phase") or "")
    reason = str(body.get("reason_sentence") or "")
    message = str((body.get("error") or {}).get("message") or "")
    return f"{reason}: {message}" if reason and message else reason or message


def _figures(headline: Mapping[str, Any]) -> list[tuple[str, str]]:
    ordered = sorted(headline.items(), key=lambda item: int(item[1].get("rank", 0)))
    return [(name, _figure(name, f.get("value"), f.get("unit"))) for name, f in ordered]


def _figure(name: str, value: Any, unit: str | None) -> str:
    """A value with its unit; shares in percent, and no unit that the name says already."""
    if not isinstance(value, int | float):
        return "-"
    if unit == "share":
        return f"{value:.1%}"
    text = f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
    return text if not unit or unit == name else f"{text} {unit}"


def _checked(response: httpx2.Response) -> httpx2.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    detail = problem.get("detail") or problem.get("title") or response.reason_phrase
    errors = problem.get("errors", [])
    reasons = [f"  {error.get('pointer', '')}: {error.get('detail', '')}" for error in errors]
    raise ApiError("\n".join([f"{response.status_code}: {detail}", *reasons]))
