"""Object JSON: object_1, object_2, ... with whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

from mlcore.coordjson.builder import AnswerBuilder, PixelObject, meant, register, shown
from mlcore.coordjson.format import BLANKS, AnswerFormat
from mlcore.coordjson.pieces import Piece, cut_json
from mlcore.coordjson.scan import Part
from mlcore.coordjson.types import CoordObject
from mlcore.objectjson.parse import parse_strict
from mlcore.objectjson.render import render
from mlcore.objectjson.salvage import parse_salvage
from mlcore.objectjson.scale import PlainObject, Scale

_NUMBERS = {
    "none": "坐标是图像像素的整数",
    "norm100": "坐标是 0 到 99 的整数，0 为图像的左边或上边，99 为右边或下边",
    "norm1000": "坐标是 0 到 999 的整数，0 为图像的左边或上边，999 为右边或下边",
}


@register("objectjson")
class ObjectJson(AnswerBuilder):
    """JSON with a key for each object; `emit_norm` says what the numbers are."""

    def asked(self, format: AnswerFormat) -> str:
        inner = format.pair('"desc": 描述', "几何名: 坐标")
        return (
            f'格式：{{"object_1": {{{inner}}}, "object_2": ...}}，编号从 1 起连续。'
            "bbox_2d 写 [x1, y1, x2, y2]；poly 写 [[x, y], ...]；"
            'line 先写 "line_points": 点数，再写 [[x, y], ...]。'
            f"{_NUMBERS[format.emit_norm]}。{BLANKS}"
        )

    def write(self, objects: Sequence[PixelObject], scale: Scale, format: AnswerFormat) -> str:
        return render(shown(objects, scale), scale, format.field_order)

    def read(self, text: str, scale: Scale, format: AnswerFormat) -> list[CoordObject]:
        return meant(parse_strict(text, scale, format.field_order), scale)

    def salvaged(self, text: str, scale: Scale, format: AnswerFormat) -> list[Part]:
        return [kept.span for kept in parse_salvage(text, scale, format.field_order).records]

    def pieces(
        self, text: str, objects: Sequence[PlainObject], format: AnswerFormat
    ) -> list[Piece]:
        return cut_json(text, objects, format.field_order, _plain)

    def scale(self, format: AnswerFormat, width: int, height: int) -> Scale:
        return Scale(format.emit_norm, width, height)


def _plain(value: int) -> tuple[str, int]:
    return str(value), -1
