"""The two views of a config to launch, form and YAML, made from one text."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from console.catalog.configs import Checked, check_text
from console.web.schema_form import (
    Field,
    build_form,
    field_schema,
    input_type_of,
    parse_raw,
    required_skeleton,
    sections,
)
from console.web.yaml_edit import (
    UnreadableTextError,
    parse_fragment,
    text_of,
    values_of,
    with_value,
    without,
)
from mlcore.kinds import KINDS, config_model


@dataclass(frozen=True)
class LaunchForm:
    """`fields` is None when the text cannot be read, so that there is nothing to put in a form."""

    kind: str
    text: str
    fields: list[Field] | None
    checked: Checked

    @property
    def sections(self) -> list[list[Field]]:
        """The fields as the form shows them."""
        return sections(self.fields or [])

    @property
    def given(self) -> list[str]:
        """Paths of the fields that the text sets itself."""
        return [f.path for f in _leaves(self.fields or []) if f.given]

    @property
    def problems(self) -> list[dict[str, Any]]:
        return [
            {"line": p.line, "column": p.column, "path": p.path, "message": p.message}
            for p in self.checked.problems
        ]


def starting_text(kind: str) -> str:
    """The least text of a kind: what is required and has no default is left to fill in."""
    fields = build_form(config_model(kind).model_json_schema(), {})
    return text_of({"kind": kind, "name": "", **required_skeleton(fields)})


def read_form(kind: str, text: str) -> LaunchForm:
    """Both views of a text. Never raises for a bad text."""
    checked = check_text(text)
    try:
        own = values_of(text)
    except UnreadableTextError:
        return LaunchForm(kind, text, None, checked)
    kind = own["kind"] if own.get("kind") in KINDS else kind
    effective = checked.loaded.resolved if checked.loaded else own
    fields = build_form(config_model(kind).model_json_schema(), effective)
    own_paths = set(_paths(own, ""))
    for field in _leaves(fields):
        field.given = field.path in own_paths
    return LaunchForm(kind, text, fields, checked)


def edit_text(kind: str, text: str, path: str, raw: str) -> str:
    """The text after one field of the form got `raw`; an emptied optional field leaves the text.

    Raises UnreadableTextError when the text has no place to put it.
    """
    schema = config_model(kind).model_json_schema()
    node = field_schema(schema, path, values_of(text) if text.strip() else {})
    if node is None:
        return text
    default = node.get("default")
    if raw == "" and default not in ("", None):
        return without(text, path)
    if raw == "" and not _is_required(schema, path) and "default" in node:
        return without(text, path)
    return with_value(text, path, _value(schema, node, raw))


def _value(schema: dict[str, Any], node: Any, raw: str) -> Any:
    if node.get("type") == "array" and input_type_of(schema, node):
        return [ref.strip() for ref in raw.split(",") if ref.strip()]
    value = parse_raw(node, schema, raw)
    wants_structure = node.get("type") in ("array", "object") or "items" in str(node.get("anyOf"))
    if wants_structure and isinstance(value, str):
        try:
            return parse_fragment(value)
        except UnreadableTextError:
            return value
    return value


def _is_required(schema: dict[str, Any], path: str) -> bool:
    return "." not in path and path in schema.get("required", ())


def _leaves(fields: list[Field]) -> list[Field]:
    out = []
    for field in fields:
        if field.switch is not None:
            out.append(field.switch)
        out.extend(_leaves(field.children) if field.widget == "group" else [field])
    return out


def _paths(values: dict[str, Any], prefix: str) -> list[str]:
    out = []
    for key, value in values.items():
        out.append(f"{prefix}{key}")
        if isinstance(value, dict):
            out.extend(_paths(value, f"{prefix}{key}."))
    return out
