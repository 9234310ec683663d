"""The rules of the house, held over the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mlcore", "jobs", "console")
SINKS: set[str] = set()
"""Diagnostic sinks, by `path:function`: the only places that may swallow an exception"""


def sources() -> list[Path]:
    """Every source file that people write, migrations left out."""
    return sorted(
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
    )


@cache
def nodes(source: str) -> tuple[ast.AST, ...]:
    """Every node of a source; nobody changes them, so each source is parsed once."""
    return tuple(ast.walk(ast.parse(source)))


@pytest.fixture(scope="module", autouse=True)
def _forget_the_nodes() -> Iterator[None]:
    """They are many: the collector would walk over them for as long as the process lives."""
    yield
    nodes.cache_clear()


def functions(source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in nodes(source) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_400_lines() -> None:
    long = {name_of(p): n for p in sources() if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{name_of(path)}:{f.name}": f.end_lineno - f.lineno + 1
        for path in sources()
        for f in functions(path.read_text())
        if f.end_lineno is not None and f.end_lineno - f.lineno + 1 > 60
    }
    assert long == {}


def test_every_function_is_annotated() -> None:
    bare = [
        f"{name_of(path)}:{f.name}"
        for path in sources()
        for f in functions(path.read_text())
        if f.returns is None
    ]
    assert bare == []


def swallowed(source: str) -> list[str]:
    """Handlers whose whole body is pass, continue or `...`: an error that nobody hears of."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            silent = all(isinstance(s, ast.Pass | ast.Continue) for s in node.body)
            if node.type is None or (broad and silent):
                found.append(f"line {node.lineno}")
    return found


def test_no_broad_exception_is_swallowed() -> None:
    found = {name_of(p): rows for p in sources() if (rows := swallowed(p.read_text()))}
    assert {name for name in found if name not in SINKS} == set()


@pytest.mark.parametrize(
    "planted",
    ["try:\n    f()\nexcept:\n    g()\n", "try:\n    f()\nexcept Exception:\n    pass\n"],
)
def test_the_swallow_rule_sees_a_planted_violation(planted: str) -> None:
    assert swallowed(planted) == ["line 3"]


def literal_lookups(source: str) -> list[int]:
    """Lines that call hasattr, or getattr with a literal name."""
    return [
        node.lineno
        for node in nodes(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("hasattr", "getattr")
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    ]


def test_mlcore_asks_no_object_what_it_has() -> None:
    found = {
        name_of(p): rows
        for p in sources()
        if p.is_relative_to(ROOT / "mlcore") and (rows := literal_lookups(p.read_text()))
    }
    assert found == {}


def test_the_lookup_rule_sees_a_planted_violation() -> None:
    assert literal_lookups("x = getattr(a, 'b', None)\n") == [1]


FORBIDDEN_CALLS = (
    "pickle.load",
    "pickle.loads",
    "yaml.load",
    "torch.load",
    "os.system",
    "eval",
    "exec",
)


def forbidden_calls(source: str) -> list[str]:
    found = []
    for node in nodes(source):
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) in FORBIDDEN_CALLS:
                found.append(ast.unparse(node.func))
            if any(k.arg == "shell" and ast.unparse(k.value) == "True" for k in node.keywords):
                found.append("shell=True")
    return found


def test_nothing_unpickles_evaluates_or_uses_a_shell() -> None:
    found = {name_of(p): calls for p in sources() if (calls := forbidden_calls(p.read_text()))}
    assert found == {}


def test_the_call_rule_sees_planted_violations() -> None:
    planted = "torch.load('x')\nsubprocess.run('ls', shell=True)\nos.system('x')\n"
    assert forbidden_calls(planted) == ["torch.load", "shell=True", "os.system"]


def test_only_one_module_reads_configs_and_one_edits_their_text() -> None:
    users = [name_of(p) for p in sources() if "from ruamel" in p.read_text()]
    assert users == ["console/web/yaml_edit.py", "mlcore/config/yaml_tree.py"]


LIGHT = (
    "mlcore.kinds",
    "mlcore.chat.health",
    "mlcore.chat.kit",
    "mlcore.chat.messages",
    "mlcore.chat.overlength",
    "mlcore.chat.render",
    "mlcore.chat.view",
    "mlcore.config.load",
    "mlcore.contract.reader",
    "mlcore.contract.importers.engine",
    "mlcore.contract.exporters.engine",
    "mlcore.contract.quality",
    "mlcore.contract.relabel",
    "mlcore.contract.summaries",
    "mlcore.coordjson.format",
    "mlcore.augment.pipeline",
    "mlcore.geometry.clip",
    "mlcore.geometry.order",
    "mlcore.geometry.spaces",
    "mlcore.facts.parse",
    "mlcore.fusion.plan",
    "mlcore.gates.engine",
    "mlcore.metrics",
    "mlcore.run.runner",
    "mlcore.contract.image_list",
    "mlcore.stage_a.record",
    "mlcore.stage_b.artifacts",
    "mlcore.stage_b.compare",
    "mlcore.stage_b.guidance.model",
    "mlcore.stage_b.prompts",
    "mlcore.stage_b.search.paired",
    "mlcore.stage_b.tally",
    "mlcore.stage_b.verdict.diagnose",
)


HEAVY = {"torch", "transformers", "scipy", "shapely", "django", "celery"}


def heavy_imports(modules: tuple[str, ...]) -> str:
    """Import the modules one after another in a fresh process; the first one that brings something
    heavy in is named."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        f"    if heavy := sorted({HEAVY!r} & set(sys.modules)):\n"
        "        sys.exit(f'{name} imports {heavy}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    return done.stderr.strip()


def test_the_light_half_never_imports_torch_or_django() -> None:
    assert heavy_imports(LIGHT) == ""


def test_the_import_rule_sees_a_module_that_is_not_light() -> None:
    assert heavy_imports(("mlcore.kinds", "shapely")) == "shapely imports ['shapely']"


def test_the_config_models_never_import_torch() -> None:
    code = (
        "import sys\nfrom mlcore.kinds import KINDS, describe\n"
        "[describe(name) for name in KINDS]\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_arrows_between_the_packages_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_ruff_finds_nothing() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]


def test_mypy_is_content_with_mlcore_and_jobs() -> None:
    command = [sys.executable, "-m", "mypy", "mlcore", "jobs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
