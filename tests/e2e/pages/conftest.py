"""A console with a seeded project, served as in use, and a real browser in front of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages_seed import PASSWORD

ROOT = Path(__file__).resolve().parents[3]
START_S = 60
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push([event.violatedDirective, event.sourceFile, event.lineNumber].join(" ")));
"""


@dataclass
class Site:
    """A running console: `url` without a slash at its end, `state` its folder, `uids` its runs by
    name, kind and state, `record` the id of one of its records."""

    url: str
    state: Path
    uids: dict[str, str]
    record: int

    def python(self, code: str) -> str:
        """Run code in a Django process of the same state; returns what it prints."""
        head = "import django; django.setup()\n"
        done = subprocess.run(
            [sys.executable, "-c", head + code],
            env=environment(self.state),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


def environment(state: Path) -> dict[str, str]:
    """The process environment of a console whose state is in that folder."""
    out = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE", "REDIS"))}
    return {
        **out,
        "GATEHOUSE_STATE": str(state),
        "OMP_NUM_THREADS": "1",
        "DJANGO_SETTINGS_MODULE": "console.settings.embedded",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The seeded console on a free port."""
    if not (ROOT / "static" / "vendor" / "icons.svg").exists():
        pytest.skip("static/vendor is missing: python -m console.embedded assets")
    state = tmp_path_factory.mktemp("console")
    seed = [sys.executable, "-m", "tests.support.pages_seed"]
    done = subprocess.run(seed, env=environment(state), cwd=ROOT, check=True, capture_output=True)
    seeded = json.loads(done.stdout)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asginl",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        "console.asgi:application",
    ]
    with (state / "web.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment(state), cwd=ROOT, stdout=log, stderr=log)
    try:
        found = Site(f"http://127.0.0.1:{port}", state, **seeded)
        _wait(found.url + "/healthz", server)
        yield found
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("the console did not start")


@pytest.fixture(scope="session")
def sessions(site: Site, chromium: Any) -> dict[str, Any]:
    """Signed-in cookies by person, so that each signs in once."""
    out: dict[str, Any] = {}
    for name in ("root", "ada", "vera", "lena", "ann"):
        context = chromium.new_context()
        page = context.new_page()
        page.goto(site.url + "/sign-in/")
        page.fill("#username", name)
        page.fill("#password", PASSWORD)
        page.click("button.btn-main")
        page.wait_for_selector("nav.side")
        out[name] = context.storage_state()
        context.close()
    return out


@pytest.fixture
def open_page(site: Site, chromium: Any, sessions: dict[str, Any]) -> Iterator[Any]:
    """`open_page(path, as_="root", theme="light", language="en")` opens a page at 1366 x 768.

    When the test ends, no page may have broken the content security policy or thrown an error.
    """
    contexts: list[Any] = []
    pages: list[Any] = []
    errors: list[str] = []

    def open_(path: str, as_: str = "root", theme: str = "light", language: str = "en") -> Any:
        context = chromium.new_context(
            viewport={"width": 1366, "height": 768},
            color_scheme=theme,
            base_url=site.url,
            storage_state=sessions[as_] if as_ else None,
            reduced_motion="reduce",
        )
        context.add_init_script(WATCH)
        context.add_cookies(
            [
                {"name": "theme", "value": theme, "url": site.url},
                {"name": "django_language", "value": language, "url": site.url},
            ]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{path}: {error}"))
        page.on(
            "console",
            lambda m: errors.append(f"{path}: {m.text}") if "Content Security" in m.text else None,
        )
        page.goto(path)
        contexts.append(context)
        pages.append(page)
        return page

    yield open_
    for page in pages:
        errors.extend(page.evaluate("window.violations"))
    for context in contexts:
        context.close()
    assert errors == []
