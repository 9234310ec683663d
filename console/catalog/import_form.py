"""The form of the import wizard: its inputs are named by their dotted paths in the config.

The config text is made from the inputs, and checked by the loader that launches it; so the form
knows no rule of its own, and a new option of an importer is in it by itself.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from console.catalog.configs import check_text
from console.catalog.import_words import DATASET_NAME, WORDS, Text, Words
from console.runs.launch_form import edit_text
from console.web.schema_form import Field, as_text, build_form
from console.web.yaml_edit import UnreadableTextError, text_of, values_of, with_value
from mlcore.errors import Problem
from mlcore.kinds import config_model

KIND = "import"
SWITCH = "with."
"""`with.resize=on` gives the group `resize` to the config; without it the group is left out"""
HIDDEN = ("kind", "name", "annotations")
FORMAT = "format"


@dataclass(frozen=True)
class Part:
    """A part of the form; `paths` names fields, or groups by their first name."""

    name: str
    title: Text
    paths: tuple[str, ...]


PARTS = (
    Part("source", _("Where the data is"), ("source", DATASET_NAME)),
    Part(
        "splits", _("Splits"),
        ("splits", "val_share", "ticket_pattern", "tiny_train", "tiny_val", "seed"),
    ),
    Part("size", _("Image size"), ("stated_size", "exif_boxes", "resize")),
    Part("limits", _("Rejects and a first try"), ("outside", "max_reject_share", "limit")),
    Part("options", _("Options of this format"), (FORMAT,)),
    Part("more", _("More"), ()),
)


@dataclass
class Input:
    """One input with what was typed into it and what is wrong with that."""

    path: str
    label: Text
    help: Text
    widget: str
    value: str
    default: str
    options: list[str]
    limits: str
    required: bool
    errors: list[str] = field(default_factory=list)


@dataclass
class Group:
    """Inputs of a part. `switch` is the name of the check box that turns an optional group on."""

    title: Text
    inputs: list[Input]
    switch: str = ""
    on: bool = True


UPLOAD = "upload:"
"""how a source begins that was uploaded"""


@dataclass
class WizardForm:
    """The inputs by part, the config text that they make, and problems that fit no input."""

    format: str
    text: str
    parts: list[tuple[Part, list[Group]]]
    problems: list[Problem]
    ok: bool

    @property
    def source(self) -> str:
        """Where the data is, as it was typed."""
        return self._input("source").value.strip()

    def refuse_source(self, message: str) -> None:
        """Add what is wrong with the source beyond its form."""
        self._input("source").errors.append(message)
        self.ok = False

    def _input(self, path: str) -> Input:
        rows = (i for _part, groups in self.parts for group in groups for i in group.inputs)
        return next(one for one in rows if one.path == path)


def read_wizard(params: Mapping[str, str]) -> WizardForm:
    """The form and text of a query string. Never raises for what was typed."""
    text, unwritten = _text(params)
    checked = check_text(text)
    fields = build_form(config_model(KIND).model_json_schema(), values_of(text))
    by_path = {field.path: field for field in fields}
    known = [path for part in PARTS for path in part.paths]
    order = [*known, *(path for path in by_path if path not in known and path not in HIDDEN)]
    groups: dict[str, list[Group]] = {}
    for path in order:
        if path in by_path:
            part = next((p for p in PARTS if path in p.paths), PARTS[-1])
            _place(groups.setdefault(part.name, []), by_path[path], params)
    rest = _assign([*unwritten, *checked.problems, *_of_wizard(params)], groups)
    parts = [(part, groups[part.name]) for part in PARTS if groups.get(part.name)]
    ok = checked.ok and not unwritten and not _of_wizard(params)
    return WizardForm(params.get(FORMAT, ""), text, parts, rest, ok)


def params_of(text: str) -> dict[str, str]:
    """The query that makes a config again, for going back from a run to the form.

    A text that cannot be read gives nothing.
    """
    try:
        values = values_of(text)
    except UnreadableTextError:
        return {}
    out: dict[str, str] = {}
    for path, value in _leaves(values, ""):
        out[path] = as_text(value)
    for name in _optional_groups(config_model(KIND).model_json_schema()):
        if isinstance(values.get(name), dict):
            out[f"{SWITCH}{name}"] = "on"
    for name in ("kind", "name"):
        out.pop(name, None)
    out[FORMAT] = out.pop(f"{FORMAT}.type", "")
    return out


def _text(params: Mapping[str, str]) -> tuple[str, list[Problem]]:
    name = params.get(DATASET_NAME, "").strip()
    format_ = {"type": params.get(FORMAT, "")}
    start: dict[str, Any] = {"kind": KIND, "name": name, FORMAT: format_, "source": ""}
    text = text_of(start)
    problems = []
    schema = config_model(KIND).model_json_schema()
    optional = _optional_groups(schema)
    for group in optional:
        if params.get(f"{SWITCH}{group}"):
            text = with_value(text, group, {})
    for path, raw in params.items():
        head = path.partition(".")[0]
        if path in ("kind", "name", FORMAT) or path.startswith(SWITCH):
            continue
        if head in optional and not params.get(f"{SWITCH}{head}"):
            continue
        try:
            text = edit_text(KIND, text, path, raw.strip())
        except UnreadableTextError as error:
            problems.append(Problem("config.yaml", 1, 1, path, str(error)))
    return text, problems


def _optional_groups(schema: Mapping[str, Any]) -> list[str]:
    """Groups that a config may leave out as a whole, such as `resize`."""
    fields = build_form(schema, {})
    return [f.path for f in fields if f.widget == "group" and f.nullable]


def _of_wizard(params: Mapping[str, str]) -> list[Problem]:
    """What the config allows, but an import that a console launches needs."""
    problems = []
    source = params.get("source", "").strip()
    if source and not source.startswith(("/", UPLOAD)):
        message = gettext(
            "Write the whole path, from / on, or upload a zip: a host has no folder to start from."
        )
        problems.append(Problem("config.yaml", 1, 1, "source", message))
    if not params.get(DATASET_NAME, "").strip():
        problems.append(Problem("config.yaml", 1, 1, DATASET_NAME, ""))
    return problems


def _place(groups: list[Group], top: Field, params: Mapping[str, str]) -> None:
    if top.widget != "group":
        if not groups or groups[-1].title:
            groups.append(Group("", []))
        groups[-1].inputs.append(_input(top, params))
        return
    switch = f"{SWITCH}{top.path}" if top.nullable else ""
    loose: list[Input] = []
    for child in top.children:
        if child.widget == "group":
            _place(groups, child, params)
        elif child.widget != "fixed":
            loose.append(_input(child, params))
    if loose:
        words = WORDS.get(top.path)
        title = words.label if words else _flat(top.name)
        on = not switch or bool(params.get(switch))
        groups.append(Group("" if top.path == FORMAT else title, loose, switch, on))


def _input(leaf: Field, params: Mapping[str, str]) -> Input:
    words = WORDS.get(leaf.path, Words(_flat(leaf.name), leaf.help))
    given = params.get(leaf.path)
    value = given if given is not None else leaf.value if leaf.given else ""
    return Input(
        leaf.path, words.label, words.help, leaf.widget, value, leaf.default, leaf.options,
        leaf.limits, leaf.required or leaf.path == DATASET_NAME,
    )


def _assign(problems: list[Problem], groups: Mapping[str, list[Group]]) -> list[Problem]:
    """Put each problem at the input of its path, or of the nearest path above it; returns those
    that have none."""
    inputs = {i.path: i for rows in groups.values() for group in rows for i in group.inputs}
    rest = []
    for problem in problems:
        path = DATASET_NAME if problem.path == "name" else problem.path
        while path and path not in inputs:
            path = path.rpartition(".")[0]
        if path and inputs[path].required and not inputs[path].value.strip():
            inputs[path].errors = [gettext("This is needed.")]
        elif path:
            inputs[path].errors.append(problem.message)
        else:
            rest.append(problem)
    return rest


def _flat(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _leaves(values: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, dict) and value and prefix == "":
            out.extend(_leaves(value, f"{key}."))
        elif not (isinstance(value, dict) and not value):
            out.append((f"{prefix}{key}", value))
    return out
