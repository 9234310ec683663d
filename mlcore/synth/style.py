"""The looks of a scene. Both styles share layout and words; every colour and the light differ."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[int, int, int]
"""red, green, blue, 0..255"""


@dataclass(frozen=True)
class Style:
    """Materials, light and camera of one look. Ranges are (low, high)."""

    name: str
    cabinet: Color
    hole: Color
    rail: Color
    filler: Color
    device: tuple[Color, ...]
    module: Color
    port: Color
    ear: Color
    screw: Color
    screw_hole: Color
    shield: Color
    slat: Color
    fibres: tuple[Color, ...]
    sleeve: Color
    sleeve_rib: Color
    bundle: Color
    paper: Color
    ink: Color
    gain: tuple[float, float]
    gradient: float
    """strength of the light's slope over the image, as a share"""
    vignette: float
    noise: tuple[float, float]
    """sigma of the sensor noise in 8-bit levels"""
    white_balance: tuple[float, float, float]
    perforation: tuple[float, float]
    """spacing of the holes in the back panel, pixels"""


STYLES: dict[str, Style] = {
    "a": Style(
        name="a",
        cabinet=(168, 170, 166),
        hole=(84, 86, 84),
        rail=(196, 198, 196),
        filler=(150, 152, 150),
        device=((58, 62, 68), (70, 72, 74), (50, 56, 66)),
        module=(84, 88, 94),
        port=(22, 24, 26),
        ear=(176, 178, 180),
        screw=(226, 226, 220),
        screw_hole=(24, 22, 20),
        shield=(112, 120, 132),
        slat=(40, 44, 52),
        fibres=((240, 196, 32), (246, 140, 30)),
        sleeve=(142, 146, 150),
        sleeve_rib=(78, 82, 86),
        bundle=(34, 34, 36),
        paper=(244, 242, 232),
        ink=(28, 30, 44),
        gain=(0.84, 1.12),
        gradient=0.16,
        vignette=0.22,
        noise=(2.0, 5.0),
        white_balance=(1.03, 1.0, 0.95),
        perforation=(6.0, 8.0),
    ),
    "b": Style(
        name="b",
        cabinet=(46, 58, 76),
        hole=(14, 18, 26),
        rail=(84, 98, 116),
        filler=(38, 48, 64),
        device=((196, 200, 198), (212, 208, 198), (182, 192, 198)),
        module=(168, 174, 176),
        port=(58, 70, 84),
        ear=(112, 122, 134),
        screw=(206, 172, 96),
        screw_hole=(8, 8, 12),
        shield=(206, 198, 172),
        slat=(104, 92, 70),
        fibres=((52, 200, 206), (226, 92, 160)),
        sleeve=(98, 88, 84),
        sleeve_rib=(34, 30, 30),
        bundle=(120, 42, 38),
        paper=(250, 218, 84),
        ink=(26, 44, 128),
        gain=(0.74, 1.04),
        gradient=0.30,
        vignette=0.36,
        noise=(4.0, 8.0),
        white_balance=(0.90, 1.0, 1.12),
        perforation=(9.0, 12.0),
    ),
}
