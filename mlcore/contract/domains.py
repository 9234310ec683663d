"""The two equipment families of an inspection, and the categories and attributes of each.

One list for summaries, prompts and imports. Attributes stand in the order in which a description
names them; `组` (the group that objects of one installation point share) is RRU's alone, remarks
(`备注`) are BBU's alone.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlcore.errors import ConfigError
from mlcore.near import did_you_mean

Domain = Literal["bbu", "rru"]
DOMAINS: tuple[Domain, ...] = ("bbu", "rru")
GROUP_KEY = "组"
STATION_DISTANCE = "站点距离"

_CONNECT_POINT = ("可见性", "符合性", "问题", "备注")
CATEGORIES: Mapping[Domain, Mapping[str, tuple[str, ...]]] = {
    "bbu": {
        "BBU设备": ("品牌", "可见性", "挡风板需求", "挡风板符合性", "备注"),
        "挡风板": ("品牌", "可见性", "安装方向", "备注"),
        "BBU安装螺丝": _CONNECT_POINT,
        "机柜处接地螺丝": _CONNECT_POINT,
        "地排处接地螺丝": _CONNECT_POINT,
        "ODF端光纤插头": _CONNECT_POINT,
        "BBU端光纤插头": _CONNECT_POINT,
        "光纤": ("保护措施", "保护细节", "弯曲半径", "备注"),
        "电线": ("捆扎", "备注"),
        "标签": ("文本", "可读性", "备注"),
    },
    "rru": {
        "RRU设备": (),
        "紧固件": ("安装状态",),
        "RRU接地端": ("安装状态",),
        "地排接地端螺丝": ("安装状态",),
        "尾纤": ("标签", "套管保护", GROUP_KEY),
        "接地线": ("标签", GROUP_KEY),
        "标签": ("文本", "可读性", GROUP_KEY),
        STATION_DISTANCE: (STATION_DISTANCE,),
    },
}
OPPOSITES: tuple[tuple[str, str], ...] = (
    ("符合", "不符合"),
    ("合格", "不合格"),
    ("完整", "部分"),
    ("免装", "空间充足需安装"),
    ("按要求配备", "未按要求配备"),
    ("方向正确", "方向错误"),
    ("有保护", "无保护"),
    ("半径合理", "半径不合理<4cm或成环"),
    ("整齐", "散乱"),
    ("有标签", "无标签"),
    ("有套管", "无套管"),
)
"""a good and a bad value of the same attribute; one object cannot have both"""

MISSIONS: Mapping[str, Domain] = {
    "BBU安装方式检查（正装）": "bbu",
    "BBU接地线检查": "bbu",
    "BBU线缆布放要求": "bbu",
    "挡风板安装检查": "bbu",
    "RRU安装检查": "rru",
    "RRU位置检查": "rru",
    "RRU线缆": "rru",
}
"""the inspection items by their full names (full-width brackets), and the family of each"""


def validate_mission(name: str) -> str:
    """The name itself. Raises ConfigError with the nearest names for an unknown one."""
    if name not in MISSIONS:
        raise ConfigError(
            f"no inspection item {name!r}",
            hint=did_you_mean(name.replace("(", "（").replace(")", "）"), MISSIONS),
        )
    return name
