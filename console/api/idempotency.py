"""Idempotency-Key: a POST sent twice acts once.

The claim of the key, the act and the stored answer are one transaction. So a crash leaves either
nothing (the repeat acts) or all of it (the repeat gets the answer), and of two requests at the
same time the second waits for the first. An answer that is an error undoes the claim with the act.
"""
from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from console.accounts.models import HostToken
from console.api.models import StoredAnswer
from console.api.problems import ApiProblem

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
MAX_KEY = 200
Method = TypeVar("Method", bound=Callable[..., Response])


def idempotent(
    *, blank: Sequence[str] = (), required: bool = False
) -> Callable[[Method], Method]:
    """Decorates a `post` of an ApiView. Members named in `blank` are never stored: a repeat gets
    null for them (a secret that is shown once stays shown once). `required`: without a key it is
    refused."""

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = request.headers.get(HEADER)
            if key is None and required:
                raise ApiProblem(400, "idempotency_key", f"Send an {HEADER}.")
            if key is None:
                return method(view, request, *args, **kwargs)
            act = functools.partial(method, view, request, *args, **kwargs)
            return _once(request, key, _request_hash(request), blank, act)

        wrapper.takes_idempotency_key = True  # type: ignore[attr-defined]
        wrapper.needs_idempotency_key = required  # type: ignore[attr-defined]
        return cast("Method", wrapper)

    return decorate


def _once(
    request: Request, key: str, digest: str, blank: Sequence[str], act: Callable[[], Response]
) -> Response:
    if not key or len(key) > MAX_KEY:
        raise ApiProblem(400, "idempotency_key", f"{HEADER} has 1 to {MAX_KEY} characters.")
    caller = _caller(request)
    if stored := StoredAnswer.objects.filter(caller=caller, key=key).first():
        if stored.created >= timezone.now() - KEPT:
            return _replay(stored, digest)
        StoredAnswer.objects.filter(pk=stored.pk).delete()
    try:
        with transaction.atomic():
            claim = StoredAnswer.objects.create(caller=caller, key=key, request_hash=digest)
            response = act()
            claim.status = response.status_code
            claim.body = _body(response.data, blank)
            claim.save(update_fields=["status", "body"])
    except IntegrityError:
        # Another request with this key was faster; anything else is the act's own error.
        stored = StoredAnswer.objects.filter(caller=caller, key=key).first()
        if stored is None:
            raise
        return _replay(stored, digest)
    return response


def forget_old() -> int:
    """Forget answers that are no longer kept; returns how many. For the periodic work."""
    rows = StoredAnswer.objects.filter(created__lt=timezone.now() - KEPT)
    return rows.delete()[0]


def _replay(stored: StoredAnswer, digest: str) -> Response:
    if stored.request_hash != digest:
        raise ApiProblem(
            409, "idempotency_mismatch", f"This {HEADER} was used for another request."
        )
    headers = {"Idempotency-Replayed": "true"}
    return Response(json.loads(stored.body), status=stored.status, headers=headers)


def _body(data: Any, blank: Sequence[str]) -> str:
    if isinstance(data, dict):
        data = {key: None if key in blank else value for key, value in data.items()}
    return json.dumps(data, ensure_ascii=False, cls=JSONEncoder)


def _request_hash(request: Request) -> str:
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(head + request.body).hexdigest()


def _caller(request: Request) -> str:
    if isinstance(request.auth, HostToken):
        return f"host:{request.auth.prefix}"
    return f"user:{request.user.pk}"
