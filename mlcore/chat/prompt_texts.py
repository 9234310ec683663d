"""The words of the long prompts, and what in them follows from the schema of a domain."""
from __future__ import annotations

from mlcore.contract.domains import CATEGORIES, Domain

DENSE_USER = "列出图中与检查有关的全部对象：每个对象写出描述和坐标。"
DENSE_ROLE = (
    "你是通信站点施工照片的标注员。找出图中与检查有关的全部对象，"
    "逐个写出描述（desc）和一个几何（坐标）。"
)
DENSE_ONE_LINE = "只输出一行 JSON，前后没有其他文字。"
DENSE_TWO_LINES = "输出两行：第一行是任务标记，第二行是 JSON；没有其他文字。"
GEOMETRY = (
    "每个对象恰好一个几何：bbox_2d 为矩形框，依次是左上角和右下角；"
    "poly 为多边形，沿边界依次列出至少 4 个顶点；line 为折线，沿走向依次列出至少 2 个点。"
)
EVIDENCE = (
    "只写图中看得见的事实。看不清或无法判断的属性省略不写，不猜测；"
    "结论只用规定的取值，不写“待定”“需复核”等第三种。"
)
DESC_RULES = (
    "desc 由 键=值 组成，以半角逗号连接，不含空格，类别 在最前；同一个键有多个值时用 | 连接。"
)
LABEL_RULES = (
    "标签上的字照原样抄进 文本，去掉空白，保留标点和大小写；"
    "认不出的标签写 可读性=不可读，不要编造。"
)
SUMMARY_USER = "汇总这张图片。"
SUMMARY_ROLE = "你是通信站点施工照片的记录员。把一张图片里看得见的对象汇总成一行，供他人判断。"
SUMMARY_TWO_LINES = "输出两行：第一行是任务标记，第二行是汇总；没有其他文字。"
SUMMARY_FORMS = {
    "text": (
        "格式：描述相同的对象合并成“描述×数量”，各项用中文逗号“，”连接，短的描述在前。"
        "只有一行，不写坐标，句末没有句号。"
    ),
    "json": (
        '格式：一行 JSON，{"统计": [{"类别": 类别名, 属性名: {取值: 数量}}]}，'
        "逗号和冒号后各有一个空格。"
        "类别和属性按名称排列，站点距离排在最前；只写出现过的取值，一个键的多个值分别计数。"
        "有备注时加上 备注 列表，内容不重复；有组号时加上 分组统计，写各组的对象数。不写坐标。"
    ),
}
SUMMARY_CRITERION = (
    "标准：只记录图中看得见的事实，少见的对象也要记录，每个对象计一次；"
    "看不清的属性省略；不推测，不下通过或不通过的结论。"
)
SUMMARY_IRRELEVANT = "图片与站点施工无关时（图纸、文档、截屏等），整个回答只写：无关图片"

PACK_FOCUS: dict[Domain, str] = {
    "bbu": (
        "场景：机柜内的 BBU（基带单元）。关注 BBU设备 及品牌、挡风板 及其方向、BBU安装螺丝、"
        "机柜处和地排处的接地螺丝、BBU端和ODF端的光纤插头、光纤、电线、标签。"
    ),
    "rru": (
        "场景：杆塔或抱杆上的 RRU（射频拉远单元）。关注 RRU设备、紧固件、RRU接地端 和"
        " 地排接地端螺丝、尾纤 及其套管和标签、接地线 及其标签、标签文字、站点距离 水印。"
    ),
}
DENSE_PRIORS: dict[Domain, tuple[str, ...]] = {
    "bbu": (
        "爱立信的 BBU 不需要挡风板。",
        "被遮挡成几段的同一根光纤合并为一个对象；其中任何一段有保护，就写 保护措施=有保护。",
        "螺丝和插头逐个标注；不符合时在 问题 里写明原因；其他说明放进 备注。",
    ),
    "rru": (
        "站点距离 照抄水印上的数字。",
        "同一处安装的尾纤、接地线和标签写相同的 组 号；属于几个组时用 | 连接。",
        "没有套管的尾纤写 套管保护=无套管，没有标签的线写 标签=无标签。",
    ),
}
_PACK_RULES: dict[Domain, tuple[str, ...]] = {
    "bbu": (
        "要点一：挡风板需求看设备和空间。爱立信设备不需要挡风板；单台 BBU 通常免装；"
        "两台 BBU 之间必须有挡风板；华为的一块挡风板通常对应一个黄色箭头。",
        "要点二：螺丝和光纤插头逐个看是否符合，不符合的写明问题：未拧紧、露铜、复接或生锈。",
        "要点三：被遮挡成几段的同一根光纤算一根；任何一段有保护即为有保护；"
        "弯曲半径小于 4cm 或盘成环为不合理。",
        "要点四：电线看捆扎是否整齐；标签能认出的写文字，认不出的写不可读。",
    ),
    "rru": (
        "要点一：站点距离 是水印里的数字，照抄；数字相同的图片属于同一个安装点。",
        "要点二：紧固件、RRU接地端、地排接地端螺丝 逐个看安装是否合格。",
        "要点三：尾纤看有没有套管和标签，接地线看有没有标签；没有的必须写明。",
        "要点四：同一处安装的对象组号相同；标签能认出的写文字，认不出的写不可读。",
    ),
}
MISSION_PRIORS: dict[str, str] = {
    "BBU安装方式检查（正装）": "BBU设备 是否在图中，每颗 BBU安装螺丝 是否符合",
    "BBU接地线检查": "机柜处和地排处的接地螺丝是否都在、是否符合，电线捆扎是否整齐",
    "BBU线缆布放要求": "BBU端和ODF端的光纤插头是否符合，光纤有无保护、弯曲半径是否合理",
    "挡风板安装检查": "BBU设备 是否在图中，是否需要挡风板；需要时挡风板是否装好、方向是否正确",
    "RRU安装检查": "每个安装点的 RRU设备 和 紧固件，紧固件是否合格",
    "RRU位置检查": "每个安装点的 RRU接地端 和紧固处是否合格，接地线的标签文字能否认出",
    "RRU线缆": "尾纤 是否在图中，有没有套管，标签文字能否认出",
}


def schema_hint(domain: Domain) -> str:
    """The categories of a domain, each with the names of its attributes."""
    rows = [
        f"{name}（{'、'.join(keys)}）" if keys else name
        for name, keys in CATEGORIES[domain].items()
    ]
    return f"类别（及其属性）：{'；'.join(rows)}。"


def mission_prior(mission: str) -> str:
    """What to look at for one inspection item, without a verdict."""
    return f"本次检查项：{mission}。先看清：{MISSION_PRIORS[mission]}。"


PACKS: dict[Domain, str] = {
    domain: "\n".join([PACK_FOCUS[domain], schema_hint(domain), *_PACK_RULES[domain]])
    for domain in CATEGORIES
}
"""what the runtime summary prompt knows of each domain"""
