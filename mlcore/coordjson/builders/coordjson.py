"""CoordJSON: one list, coordinates as tokens."""

from __future__ import annotations

from collections.abc import Sequence

from mlcore.coordjson.builder import AnswerBuilder, PixelObject, meant, register, shown
from mlcore.coordjson.format import BLANKS, AnswerFormat
from mlcore.coordjson.parse import parse_strict
from mlcore.coordjson.pieces import Piece, cut_json
from mlcore.coordjson.render import render
from mlcore.coordjson.salvage import parse_salvage
from mlcore.coordjson.scan import Part
from mlcore.coordjson.types import CoordObject
from mlcore.objectjson.scale import PlainObject, Scale


@register("coordjson")
class CoordJson(AnswerBuilder):
    """A list of objects with coordinate tokens."""

    def asked(self, format: AnswerFormat) -> str:
        inner = format.pair('"desc": 描述', "几何名: [坐标, ...]")
        return (
            f'格式：{{"objects": [{{{inner}}}, ...]}}。坐标按 x、y 交替排列，'
            "每个坐标写成一个坐标记号，编号 0 到 999，0 为图像的左边或上边，999 为右边或下边。"
            f"{BLANKS}"
        )

    def write(self, objects: Sequence[PixelObject], scale: Scale, format: AnswerFormat) -> str:
        return render(meant(shown(objects, scale), scale), format.field_order)

    def read(self, text: str, scale: Scale, format: AnswerFormat) -> list[CoordObject]:
        return parse_strict(text, format.field_order)

    def salvaged(self, text: str, scale: Scale, format: AnswerFormat) -> list[Part]:
        return [kept.span for kept in parse_salvage(text, format.field_order).records]

    def pieces(
        self, text: str, objects: Sequence[PlainObject], format: AnswerFormat
    ) -> list[Piece]:
        return cut_json(text, objects, format.field_order, _token)


def _token(value: int) -> tuple[str, int]:
    return f"<|coord_{value}|>", value
