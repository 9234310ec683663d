"""A form from a kind's JSON schema and the values of a YAML text.

The YAML text is the truth; the form is a second view of it. A field knows its dotted path, so an
edit of the form is an edit of the text at that path (console.web.yaml_edit).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = Mapping[str, Any]
Widget = Literal["text", "number", "integer", "bool", "select", "input", "yaml", "group", "fixed"]
MISSING = object()
LAST = ("seed", "annotations")
"""keys that every kind has and few people change"""


@dataclass
class Field:
    """One input, or a group of them. `given` is true when the text holds a value of its own."""

    path: str
    name: str
    widget: Widget
    help: str = ""
    value: str = ""
    default: str = ""
    given: bool = False
    required: bool = False
    nullable: bool = False
    runtime: bool = False
    input_type: str = ""
    many: bool = False
    """a list of inputs, shown with commas between"""
    options: list[str] = field(default_factory=list)
    limits: str = ""
    switch: Field | None = None
    """the field that chooses the variant of a group, its `type`"""
    children: list[Field] = field(default_factory=list)


def build_form(schema: Schema, values: Mapping[str, Any]) -> list[Field]:
    """The fields of a config in the order of the form."""
    return sorted(_object_fields(schema, schema, values, ""), key=_place)


def _place(field: Field) -> int:
    """What must be filled in comes first, what is rarely touched last."""
    if field.name in LAST:
        return 4
    if field.name == "name":
        return 0
    if field.required:
        return 1
    return 3 if field.widget == "group" else 2


def sections(fields: list[Field]) -> list[list[Field]]:
    """The fields in the order of the form, neighbouring loose ones together, each group alone."""
    out: list[list[Field]] = []
    for one in fields:
        if one.widget != "group" and out and out[-1][0].widget != "group":
            out[-1].append(one)
        else:
            out.append([one])
    return out


def required_skeleton(fields: list[Field]) -> dict[str, Any]:
    """The least values of a form: what is required and has no default, empty to be filled in."""
    out: dict[str, Any] = {}
    for one in fields:
        if not one.required:
            continue
        if one.widget == "group":
            inner = (
                {one.switch.name: one.switch.value or one.switch.options[0]} if one.switch else {}
            )
            out[one.name] = inner | required_skeleton(one.children)
        elif one.widget == "fixed":
            out[one.name] = one.value
        else:
            empty: Any = [] if one.many else ""
            out[one.name] = one.options[0] if one.options else empty
    return out


def input_path(fields: list[Field], type_: str) -> str:
    """The dotted path of the first field that takes an input of the type, empty for none."""
    for one in fields:
        found = one.path if one.input_type == type_ else input_path(one.children, type_)
        if found:
            return found
    return ""


def field_schema(schema: Schema, path: str, values: Mapping[str, Any]) -> Schema | None:
    """The schema of the field at a dotted path, with the variant that the values choose."""
    node: Schema = schema
    here: Any = values
    for part in path.split("."):
        node = _variant(schema, node, here)
        properties = node.get("properties", {})
        if part not in properties:
            return None
        node = properties[part]
        here = here.get(part) if isinstance(here, Mapping) else None
    return _resolve(schema, node)


def parse_raw(schema: Schema, root: Schema, raw: str) -> Any:
    """What a person typed as the value that the field's type wants.

    A text that does not fit is returned as it is, so that the check names the field and the type.
    """
    kinds = _kinds(root, schema)
    text = raw.strip()
    if text == "" and "null" in kinds:
        return None
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    if "integer" in kinds:
        number = _as_number(text, int)
        if number is not None:
            return number
    if "number" in kinds:
        number = _as_number(text, float)
        if number is not None:
            return number
    return raw


def _as_number(text: str, kind: type[int] | type[float]) -> int | float | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _object_fields(root: Schema, node: Schema, values: Any, prefix: str) -> list[Field]:
    required = set(node.get("required", ()))
    have = values if isinstance(values, Mapping) else {}
    out = []
    for name, child in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        value = have.get(name, MISSING)
        out.append(_field(root, child, path, name, value, required=name in required))
    return out


def _field(
    root: Schema, node: Schema, path: str, name: str, value: Any, *, required: bool
) -> Field:
    resolved = _resolve(root, node)
    made = Field(
        path=path,
        name=name,
        widget="text",
        required=required,
        help=str(node.get("description") or resolved.get("description") or "").replace("\n", " "),
        given=value is not MISSING,
        runtime=bool(node.get("runtime")),
        nullable="null" in _kinds(root, resolved),
        input_type=input_type_of(root, resolved),
        many=resolved.get("type") == "array",
    )
    default = node.get("default", resolved.get("default", MISSING))
    made.default = "" if default is MISSING else as_text(default)
    made.value = as_text(value) if value is not MISSING else made.default
    if made.many and made.input_type and isinstance(value, list):
        made.value = ", ".join(map(str, value))
    made.limits = _limits(root, resolved)
    if _is_model(root, resolved):
        return _group(root, resolved, made, value if value is not MISSING else default)
    made.widget, made.options = _widget(root, resolved, made)
    return made


def input_type_of(root: Schema, node: Schema) -> str:
    """What a field, or each entry of a list, must name; empty for a field that names no input."""
    entry = _resolve(root, node.get("items", {}))
    return str(node.get("x-input") or entry.get("x-input") or "")


def _group(root: Schema, node: Schema, made: Field, value: Any) -> Field:
    made.widget = "group"
    variant = _variant(root, node, value)
    have = value if isinstance(value, Mapping) else {}
    made.children = _object_fields(root, variant, have, f"{made.path}.")
    tag, choices = _choices(root, node)
    if choices:
        made.switch = next((c for c in made.children if c.name == tag), None)
        if made.switch is not None:
            made.switch.widget, made.switch.options = "select", choices
            made.children.remove(made.switch)
    return made


def _widget(root: Schema, node: Schema, made: Field) -> tuple[Widget, list[str]]:
    if made.input_type:
        return "input", []
    if "const" in node:
        made.value = as_text(node["const"])
        return "fixed", []
    plain = _without_null(root, node)
    if "enum" in plain:
        return "select", [as_text(v) for v in plain["enum"]]
    kinds = _kinds(root, plain)
    if kinds <= {"boolean"} and kinds:
        return "bool", ["true", "false"]
    if kinds & {"array", "object"}:
        return "yaml", []
    if kinds <= {"integer"} and kinds:
        return "integer", []
    if kinds <= {"integer", "number"} and kinds:
        return "number", []
    return "text", []


def as_text(value: Any) -> str:
    """A value as an input shows it."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _resolve(root: Schema, node: Schema) -> Schema:
    while "$ref" in node or (len(node.get("allOf", ())) == 1):
        target = _at(root, node["$ref"]) if "$ref" in node else node["allOf"][0]
        rest = {k: v for k, v in node.items() if k not in ("$ref", "allOf")}
        node = {**target, **rest}
    return node


def _at(root: Schema, pointer: str) -> Schema:
    node: Any = root
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part]
    found: Schema = node
    return found


def _branches(root: Schema, node: Schema) -> list[Schema]:
    parts = [*node.get("oneOf", ()), *node.get("anyOf", ())]
    return [_resolve(root, part) for part in parts]


def _without_null(root: Schema, node: Schema) -> Schema:
    branches = [b for b in _branches(root, node) if b.get("type") != "null"]
    return branches[0] if len(branches) == 1 else node


def _kinds(root: Schema, node: Schema) -> set[str]:
    node = _resolve(root, node)
    branches = _branches(root, node)
    if branches:
        return set().union(*(_kinds(root, b) for b in branches))
    kind = node.get("type")
    if isinstance(kind, list):
        return set(kind)
    return {kind} if kind else set()


def _is_model(root: Schema, node: Schema) -> bool:
    real = [b for b in _branches(root, node) if b.get("type") != "null"]
    return "properties" in node or (bool(real) and all("properties" in b for b in real))


def _variant(root: Schema, node: Schema, value: Any) -> Schema:
    """The model that a value chooses among the branches of a union; the first by default."""
    node = _resolve(root, node)
    models = [b for b in _branches(root, node) if "properties" in b]
    if not models:
        return node
    have = value if isinstance(value, Mapping) else {}
    tag, _ = _choices(root, node)
    for model in models:
        wanted = model["properties"].get(tag, {}).get("const", MISSING)
        if tag in have and wanted == have[tag]:
            return model
    return models[0]


def _choices(root: Schema, node: Schema) -> tuple[str, list[str]]:
    """The key that tells the variants apart and its values; nothing for a single model."""
    models = [b for b in _branches(root, node) if "properties" in b]
    if len(models) < 2:
        return "type", []
    tag = str(node.get("discriminator", {}).get("propertyName", "type"))
    tagged = [m["properties"][tag].get("const") for m in models if tag in m["properties"]]
    return tag, [str(v) for v in tagged if v is not None]


def _limits(root: Schema, node: Schema) -> str:
    plain = _without_null(root, node)
    parts = []
    for key, sign in (
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ):
        if key in plain:
            parts.append(f"{sign} {plain[key]}")
    return ", ".join(parts)
