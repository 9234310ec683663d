"""Pages of accounts: signing in and out, one's password, the way to one's project."""
from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from console.accounts import services
from console.accounts.access import public, requires
from console.accounts.forms import PasswordForm
from console.accounts.models import User
from console.accounts.roles import SIGNED_IN
from console.web.context import projects_of


@public
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; a signed-in person goes on to where they wanted."""
    target = _safe_next(request)
    if request.method != "POST":
        if isinstance(request.user, User):
            return redirect(target)
        return render(request, "accounts/sign_in.html", {"next": target})
    username = request.POST.get("username", "")
    done = services.sign_in(request, username, request.POST.get("password", ""))
    if done.outcome == "ok":
        return redirect(target)
    problem = _("The username or the password is wrong.")
    if done.outcome == "locked" and done.retry_at is not None:
        time = date_format(localtime(done.retry_at), "H:i")
        problem = _("Too many tries. Wait until %(time)s and try again.") % {"time": time}
    context = {"next": target, "username": username, "problem": problem}
    return render(request, "accounts/sign_in.html", context, status=401)


@requires(post=SIGNED_IN)
def sign_out(request: HttpRequest) -> HttpResponse:
    services.sign_out(request)
    return redirect("accounts:sign_in")


@requires(SIGNED_IN)
def password(request: HttpRequest) -> HttpResponse:
    """Change one's password; the one-time password leads here before anything else."""
    assert isinstance(request.user, User)
    forced = request.user.must_change_password
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_password(
                request, form.cleaned_data["old"], form.cleaned_data["new"]
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The password is changed."))
            return redirect("accounts:root")
    status = 422 if form.errors else 200
    context = {"form": form, "forced": forced}
    return render(request, "accounts/password.html", context, status=status)


@requires(SIGNED_IN)
def root(request: HttpRequest) -> HttpResponse:
    """To the project that the person opened last, else their first."""
    projects = projects_of(request)
    if not projects:
        return render(request, "accounts/no_project.html")
    last = request.COOKIES.get("project", "")
    slug = next((p.slug for p in projects if p.slug == last), projects[0].slug)
    return redirect("runs:home", slug)


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()})
    return target if safe and target.startswith("/") else "/"
