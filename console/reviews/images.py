"""Image bytes of tickets: addresses that one person can use for five minutes."""
from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from console.accounts.models import User
from console.api.problems import ApiProblem
from console.catalog.media import PREVIEW_SIZES, file_response, preview_response
from console.reviews.models import ReviewItem

VALID_S = 300
SIZES = (160, 640, 2048)
"""longest sides of the thumbnail, of the picture in the grid and of the one on the stage, pixels"""
_SIGNER = signing.TimestampSigner(salt="console.reviews.images")


def address(item_id: int, project: str, number: int, user: User, size: int | None) -> str:
    """Where the image is for this person and the next VALID_S seconds. `number` from 1; without a
    size the file as it came."""
    signed = _SIGNER.sign(_value(item_id, number, user))
    query: dict[str, str | int] = {"key": signed.split(":", 3)[3]}
    if size is not None:
        query["size"] = size
    path = reverse("api:review_image", args=[project, item_id, number])
    return f"{path}?{urlencode(query)}"


def image_response(
    request: HttpRequest, item: ReviewItem, number: int, user: User, key: str, size: str
) -> HttpResponseBase:
    """The bytes. Raises ApiProblem 403 for a key that is not this person's or too old, Http404 for
    an image that the ticket does not have."""
    try:
        _SIGNER.unsign(f"{_value(item.pk, number, user)}:{key}", max_age=VALID_S)
    except signing.BadSignature as error:
        raise ApiProblem(
            403, "image_key", "The address of this image is over; read the ticket again."
        ) from error
    images = shown(item)
    if not 1 <= number <= len(images) or not images[number - 1].get("sha256"):
        raise Http404
    image = images[number - 1]
    if size:
        if not size.isdecimal() or int(size[:6]) not in PREVIEW_SIZES:
            raise ApiProblem(400, "bad_parameter", f"size is one of {PREVIEW_SIZES}.")
        response = preview_response(request, image["sha256"], int(size))
    else:
        response = file_response(request, image["sha256"], str(image.get("name", "image")))
    response.headers["Cache-Control"] = f"private, max-age={VALID_S}"
    return response


def shown(item: ReviewItem) -> list[dict[str, Any]]:
    """The ticket's images, and after them those that its evidence points to: an image's number is
    its place among them."""
    return [*item.images, *item.evidence]


def _value(item_id: int, number: int, user: User) -> str:
    return f"{user.pk}:{item_id}:{number}"
