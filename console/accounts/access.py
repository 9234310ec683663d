"""The requirement of every view, declared at the view and enforced by the middleware.

    @requires("runs.view")                    a right in the project of the URL's `project` slug
    @requires(post="runs.launch")             per method; the rest must be named as well
    @requires(SIGNED_IN), @public             any signed-in person; nobody

A request that passed has `request.project`, `request.role` and `request.rights`.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest

from console.accounts.models import Membership, Project, User
from console.accounts.roles import PUBLIC, REQUIREMENTS, RIGHTS, Role, rights_of_role

View = TypeVar("View", bound=Callable[..., object])


@dataclass(frozen=True)
class Requirement:
    """`by_method` maps an upper-case method to a right; `default` holds for the other methods."""

    default: str | None
    by_method: dict[str, str] = field(default_factory=dict)

    def for_method(self, method: str) -> str | None:
        """The right that the method needs; None when the view did not declare the method."""
        found = self.by_method.get(method, self.default)
        if found is None and method in ("HEAD", "OPTIONS"):
            return self.by_method.get("GET")
        return found


def requires(default: str | None = None, /, **by_method: str) -> Callable[[View], View]:
    """Declare what a view needs: one right for all methods, or one per method (get=…, post=…)."""
    named = {method.upper(): right for method, right in by_method.items()}
    unknown = {right for right in (default, *named.values()) if right} - REQUIREMENTS
    if unknown or (default is None and not named):
        raise ValueError(f"no such right: {sorted(unknown)}")

    def declare(view: View) -> View:
        view.requirement = Requirement(default, named)  # type: ignore[attr-defined]
        return view

    return declare


public = requires(PUBLIC)
"""Declares a view that anybody may use, signed in or not."""


def requirement_of(view: Callable[..., object]) -> Requirement | None:
    """What a view declares: the function itself, or the class behind `as_view()`."""
    for place in (view, vars(view).get("view_class"), vars(view).get("cls")):
        if place is not None and isinstance(
            found := getattr(place, "requirement", None), Requirement
        ):
            return found
    return None


@dataclass(frozen=True)
class Access:
    """What a person may do in a project (None: outside any project)."""

    project: Project | None
    role: str
    rights: frozenset[str]


def access_of(user: User | AnonymousUser, slug: str | None) -> Access:
    """The person's access to the project of that slug.

    Raises Http404 for a project that does not exist or is not theirs: the two look the same.
    """
    if not isinstance(user, User) or not user.is_active:
        raise Http404
    if slug is None:
        rights = frozenset(RIGHTS) if user.is_superuser else frozenset[str]()
        return Access(None, "", rights)
    if user.is_superuser:
        project = Project.objects.filter(slug=slug).first()
        if project is None:
            raise Http404
        return Access(project, Role.ADMIN, frozenset(RIGHTS))
    found = Membership.objects.select_related("project").filter(
        project__slug=slug, user=user
    ).first()
    if found is None:
        raise Http404
    return Access(found.project, found.role, rights_of_role(found.role))


def may(user: User, project: Project, right: str) -> bool:
    """True when the person has the right in the project. For services and queries."""
    if user.is_superuser:
        return True
    role = Membership.objects.filter(project=project, user=user).values_list("role", flat=True)
    return any(right in rights_of_role(r) for r in role)


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address, believing as many X-Forwarded-For hops as there are own proxies."""
    from django.conf import settings

    hops = [h.strip() for h in request.headers.get("X-Forwarded-For", "").split(",") if h.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return _valid_address(hops[-trusted])
    return _valid_address(str(request.META.get("REMOTE_ADDR", "")))


def _valid_address(text: str) -> str | None:
    import ipaddress

    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        # A unix socket has no address.
        return None
