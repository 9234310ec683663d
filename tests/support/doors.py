"""Finds code that takes a model's answer apart.

Within each function the text of an answer is followed through assignments, loops, string methods,
slices and concatenation. Where it reaches a reader of JSON or literals, a regular expression or a
method that cuts texts, that is a second door. So is any pattern of coordinate tokens.
"""
from __future__ import annotations

import ast
import re

COORD = re.compile(r"coord_(\\|\(|\[|\.|\d)|\|>")
FIELDS = {"text", "raw", "raw_text", "answer", "output", "completion", "generated"}
"""attributes and keys under which answers are kept"""
NAMES = {"answer_text", "completion", "generated", "generated_text", "model_output", "raw_answer",
         "raw_text", "response_text", "rollout_text"}
"""names of arguments that hold answers"""
OTHER_OWNERS = {"response", "source", "self", "options", "error", "request", "config", "args",
                "index"}
READERS = {"json.loads", "json.JSONDecoder", "orjson.loads", "ast.literal_eval", "ujson.loads",
           "simplejson.loads", "yaml.safe_load", "json5.loads"}
DECODERS = {"decode", "raw_decode"}
CUTTERS = {"split", "rsplit", "partition", "rpartition", "splitlines"}
"""lines with their ends (`keepends`) are left out: they are what a diff takes"""
KEEPERS = {"strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace", "lower", "upper",
           "format", "join", "encode", "decode", "translate"}
PATTERNS = {"compile", "match", "search", "findall", "finditer", "fullmatch", "split", "sub"}


def doors(source: str) -> list[str]:
    """Places that look like a second parser of model output."""
    tree = ast.parse(source)
    imported = _imports(tree)
    scopes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    found: dict[tuple[int, int], str] = {}
    for scope in [tree, *scopes]:
        found |= _Scope(scope, imported).found
    return [f"line {line}: {what}" for (line, _), what in sorted(found.items())]


def _imports(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for."""
    out: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            out |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            out |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return out


class _Scope:
    def __init__(self, scope: ast.AST, imported: dict[str, str]) -> None:
        self.imported = imported
        self.held: set[str] = set()
        self.found: dict[tuple[int, int], str] = {}
        nodes = list(_own(scope))
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
            self.held = {argument.arg for argument in given} & NAMES
        for _ in range(3):  # a name may be used above the line that fills it, in a loop
            for node in nodes:
                self._follow(node)
        for node in nodes:
            if isinstance(node, ast.Call):
                self._judge(node)

    def _follow(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign) and self.answer(node.value):
            self.held |= {n.id for t in node.targets for n in ast.walk(t)
                          if isinstance(n, ast.Name)}
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign):
            if node.value and self.answer(node.value) and isinstance(node.target, ast.Name):
                self.held.add(node.target.id)
        elif isinstance(node, ast.For | ast.comprehension):
            items = node.iter.elts if isinstance(node.iter, ast.List | ast.Tuple) else []
            if any(self.answer(item) for item in items) and isinstance(node.target, ast.Name):
                self.held.add(node.target.id)

    def answer(self, node: ast.expr) -> bool:
        """Whether an expression is the text of an answer, or made of it."""
        if isinstance(node, ast.Name):
            return node.id in self.held
        if isinstance(node, ast.Attribute):
            return node.attr in FIELDS and _last(node.value) not in OTHER_OWNERS
        if isinstance(node, ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return key in FIELDS or (isinstance(node.slice, ast.Slice) and self.answer(node.value))
        if isinstance(node, ast.NamedExpr):
            return self.answer(node.value)
        if isinstance(node, ast.BinOp):
            return self.answer(node.left) or self.answer(node.right)
        if isinstance(node, ast.BoolOp):
            return any(self.answer(value) for value in node.values)
        if isinstance(node, ast.IfExp):
            return self.answer(node.body) or self.answer(node.orelse)
        if isinstance(node, ast.JoinedStr):
            return any(self.answer(v.value) for v in node.values
                       if isinstance(v, ast.FormattedValue))
        return isinstance(node, ast.Call) and self._kept(node)

    def _kept(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Attribute):
            if call.func.attr in KEEPERS and self.answer(call.func.value):
                return True
            key = call.args[0] if call.args else None
            return call.func.attr == "get" and isinstance(key, ast.Constant) and key.value in FIELDS
        return _last(call.func) == "str" and any(self.answer(a) for a in call.args)

    def _judge(self, call: ast.Call) -> None:
        name = self._name(call.func)
        method = name.rsplit(".", 1)[-1]
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        about = any(self.answer(argument) for argument in given)
        of_re = name.startswith(("re.", "regex.")) and method in PATTERNS
        if of_re and any(_mentions_coords(argument) for argument in given):
            self._note(call, "pattern of coordinates")
        elif about and (name in READERS or method in DECODERS):
            self._note(call, "JSON read from an answer")
        elif about and of_re:
            self._note(call, "pattern applied to an answer")
        elif (isinstance(call.func, ast.Attribute) and method in CUTTERS
              and self.answer(call.func.value)
              and not any(k.arg == "keepends" for k in call.keywords)):
            self._note(call, "answer cut apart")

    def _name(self, function: ast.expr) -> str:
        first, dot, rest = ast.unparse(function).partition(".")
        return self.imported.get(first, first) + dot + rest

    def _note(self, call: ast.Call, what: str) -> None:
        self.found[call.lineno, call.col_offset] = what


def _own(scope: ast.AST) -> list[ast.AST]:
    """The nodes of a scope without those of functions in it, in the order of the source."""
    out: list[ast.AST] = []
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            out += [child, *_own(child)]
    return out


def _last(node: ast.expr) -> str:
    return ast.unparse(node).rsplit(".", 1)[-1]


def _mentions_coords(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Constant) and isinstance(part.value, str) and COORD.search(part.value)
        for part in ast.walk(node)
    )
