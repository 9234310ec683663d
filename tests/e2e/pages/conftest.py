"""A console with a seeded project, served as in use, and a real browser in front of it."""

from __future__ import annotations

import json
import os
import shutil
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

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_S = 60
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push([event.violatedDirective, event.sourceFile, event.lineNumber].join(" ")));
"""


@dataclass
class Site:
    """A running console: `url` without a slash at its end, `state` its folder, `uids` its runs by
    name, kind and state, `record` the id of one of its records, `sessions` keys by person."""

    url: str
    state: Path
    uids: dict[str, str]
    record: int
    sessions: dict[str, str]

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
def chromium() -> Iterator[Any]:
    """Headless Chromium of the machine."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def sessions(site: Site) -> dict[str, Any]:
    """What a browser keeps of somebody who has signed in, by person."""
    return {name: {"cookies": [_cookie(key)], "origins": []} for name, key in site.sessions.items()}


def _cookie(key: str) -> dict[str, Any]:
    return {
        "name": "gatehouse_session", "value": key, "domain": "127.0.0.1", "path": "/",
        "expires": -1, "httpOnly": True, "secure": False, "sameSite": "Lax",
    }  # fmt: skip


class Tabs:
    """Tabs by who looks and how. One that a test leaves behind serves the next test, as a person
    goes from page to page: a process of its own for every page costs more than the page."""

    def __init__(self, site: Site, chromium: Any, sessions: dict[str, Any]) -> None:
        self.errors: list[str] = []
        self._site, self._chromium, self._sessions = site, chromium, sessions
        self._free: dict[tuple[str, str, str], list[Any]] = {}
        self._taken: list[tuple[tuple[str, str, str], Any]] = []

    def open(self, path: str, as_: str, theme: str, language: str) -> Any:
        """A tab at that page, as new to whoever looks at it."""
        look = (as_, theme, language)
        free = self._free.setdefault(look, [])
        page = free.pop() if free else self._new(*look)
        self._taken.append((look, page))
        page.context.clear_cookies()
        page.context.add_cookies(self._cookies(*look))
        page.goto(path)
        return page

    def leave(self) -> None:
        """The tabs of a test are free again; nothing that it changed in them stays. Somebody who
        was not signed in may be by now: no other test gets that tab."""
        for look, page in self._taken:
            self.errors.extend(page.evaluate("window.violations"))
            if look[0]:
                page.unroute_all()
                page.context.set_offline(offline=False)
                page.evaluate("localStorage.clear(), sessionStorage.clear()")
                self._free[look].append(page)
            else:
                page.context.close()
        self._taken.clear()

    def discard(self) -> None:
        """Close every tab: something went wrong in one."""
        pages = [page for _look, page in self._taken]
        for page in [*pages, *(page for free in self._free.values() for page in free)]:
            page.context.close()
        self._free.clear()
        self._taken.clear()

    def _new(self, as_: str, theme: str, language: str) -> Any:
        context = self._chromium.new_context(
            viewport={"width": 1366, "height": 768},
            color_scheme=theme,
            base_url=self._site.url,
            reduced_motion="reduce",
        )
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._hear(page, said.text))
        return page

    def _hear(self, page: Any, said: str) -> None:
        if "Content Security" in said:
            self.errors.append(f"{page.url}: {said}")

    def _cookies(self, as_: str, theme: str, language: str) -> list[dict[str, Any]]:
        look = {"theme": theme, "django_language": language}
        rows = [{"name": n, "value": v, "url": self._site.url} for n, v in look.items()]
        return [*rows, *(self._sessions[as_]["cookies"] if as_ else [])]


@pytest.fixture(scope="session")
def tabs(site: Site, chromium: Any, sessions: dict[str, Any]) -> Tabs:
    """The tabs of the one browser."""
    return Tabs(site, chromium, sessions)


@pytest.fixture
def open_page(tabs: Tabs) -> Iterator[Any]:
    """`open_page(path, as_="root", theme="light", language="en")` opens a page at 1366 x 768.

    When the test ends, no page may have broken the content security policy or thrown an error.
    """

    def open_(path: str, as_: str = "root", theme: str = "light", language: str = "en") -> Any:
        return tabs.open(path, as_, theme, language)

    tabs.errors.clear()
    try:
        yield open_
        tabs.leave()
    except BaseException:
        tabs.discard()
        raise
    assert tabs.errors == []
