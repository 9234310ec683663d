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
SIZES = {"thumb": 160, "preview": 640, "large": 2048}
"""longest sides in pixels: of the thumbnail, of the picture in the grid, of the one on the stage"""
_SIGNER = signing.TimestampSigner(salt="console.reviews.images")


def addresses(item_id: int, project: str, number: int, user: User) -> dict[str, str]:
    """Where the image is for this person and the next VALID_S seconds: by size, and `original` for
    the file as it came. `number` from 1."""
    signed = _SIGNER.sign(_value(item_id, number, user))
    path = reverse("api:review_image", args=[project, item_id, number])
    original = f"{path}?{urlencode({'key': signed.split(':', 3)[3]})}"
    sized = {name: f"{original}&size={size}" for name, size in SIZES.items()}
    return {**sized, "original": original}


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
