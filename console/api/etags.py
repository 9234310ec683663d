"""ETag and If-Match: an edit names the state that it was made from."""
from __future__ import annotations

import hashlib

from django.http import HttpRequest
from rest_framework.request import Request

from console.api.problems import ApiProblem


def etag_of(*parts: object) -> str:
    """A strong ETag over anything that changes when the object does."""
    text = "\x1f".join(str(part) for part in parts)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def require_match(request: Request | HttpRequest, etag: str) -> None:
    """Raises ApiProblem 428 without If-Match, 412 when it names another state."""
    wanted = request.headers.get("If-Match")
    if wanted is None:
        raise ApiProblem(
            428, "precondition_required", "Send If-Match with the ETag that you read.",
            headers={"ETag": etag},
        )
    if wanted.strip() != "*" and etag not in _tags(wanted):
        raise ApiProblem(
            412, "precondition_failed", "The object has changed since you read it.",
            headers={"ETag": etag},
        )


def not_modified(request: Request | HttpRequest, etag: str) -> bool:
    """True when the client already has this state (If-None-Match)."""
    wanted = request.headers.get("If-None-Match", "")
    return wanted.strip() == "*" or etag in _tags(wanted)


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
