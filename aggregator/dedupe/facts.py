"""What an article states: its numbers, and the names that its text can be about.

There is no dictionary of names here. A number is recognised however it is written; a name only
where writing shows one: capitals, book-title marks, or a short list of places.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

import regex

from aggregator.dedupe.fold import simplified

_PLACES = """
    北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川
    贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 广州 深圳 杭州 南京 苏州 武汉 成都 西安
    长沙 郑州 济南 青岛 大连 沈阳 长春 哈尔滨 石家庄 太原 合肥 南昌 福州 厦门 宁波 无锡 佛山 东莞 珠海 南宁 海口
    三亚 贵阳 昆明 拉萨 兰州 西宁 银川 乌鲁木齐 呼和浩特 台北 高雄 东京 大阪 京都 北海道 神奈川 福冈 名古屋 横滨
    札幌 冲绳 首尔 平壤 纽约 伦敦 巴黎 柏林 莫斯科 美国 中国 日本 韩国 朝鲜 英国 法国 德国 俄罗斯 印度 加拿大
    澳大利亚 巴西 意大利 西班牙 荷兰 瑞士 瑞典 新加坡 泰国 越南 马来西亚 印尼 菲律宾 土耳其 以色列 伊朗 乌克兰
    波兰 墨西哥 阿根廷 南非 埃及 沙特 欧洲 欧盟 非洲 亚洲
"""
#: Provinces, large cities and countries: what regional bulletins differ in.
PLACES = frozenset(_PLACES.split())

_NUMERALS = "零〇一二三四五六七八九"
#: Bounded, for a text may be nothing but numerals.
_HAN_NUMBER = regex.compile(
    r"(?<=第)[零〇一二三四五六七八九十百两]{1,8}"
    r"|[零〇一二三四五六七八九十百千两]{0,8}[十百千][零〇一二三四五六七八九十百千两]{0,8}(?=[月日年号集期回话章季届轮名人例家只个元处户辆条项次岁斤吨米亩座台架艘件套份张所间层栋股席支])"
    r"|(?<![一-鿿])[一二三四五六七八九](?=[月日年集期回话章季届])"
)
_UNITS = {"十": 10, "百": 100, "千": 1000}

_GROUPED = re.compile(r"(?<=\d)[,，'’](?=\d{3}(?!\d))")
_SPACED = re.compile(r"(?<=\d) +(?=[^\x00-\x7f])|(?<=[^\x00-\x7f]) +(?=\d)")
_TITLED = regex.compile(r"《([^》]{1,40})》|『([^』]{1,40})』")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CAPITALISED = regex.compile(
    r"(?<=[\p{L}\d,;:] )\p{Lu}[\p{L}\d]+|\b\p{Lu}[\p{Lu}\d]+\b"
    r"|(?<=[^\x00-\x7f] ?)\p{Lu}[a-z]+|\p{Lu}[a-z]+(?= ?[^\x00-\x7f])"
)


@lru_cache(maxsize=512)
def plain(text: str) -> str:
    """`text` in one width, with its numbers in one notation: 1,234 · １２３４ · 第十二集."""
    text = _GROUPED.sub("", simplified(unicodedata.normalize("NFKC", text)))
    return _HAN_NUMBER.sub(lambda match: str(_value(match[0])), _SPACED.sub("", text))


def _value(numeral: str) -> int:
    """Of a Chinese numeral below ten thousand."""
    if not any(unit in numeral for unit in _UNITS):
        return int("".join(str(_digit(character)) for character in numeral))
    total, digit = 0, 0
    for character in numeral:
        if character in _UNITS:
            total += (digit or 1) * _UNITS[character]
            digit = 0
        else:
            digit = _digit(character)
    return total + digit


def _digit(character: str) -> int:
    return 2 if character == "两" else _NUMERALS.index(character) % 10 - (character != "零" and character != "〇")


def number(token: str) -> str:
    """The number in one spelling: no leading and no needless final zeros."""
    whole, _, fraction = token.partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole


def numbers(text: str) -> Counter[str]:
    """How often the text states each number."""
    return Counter(map(number, _NUMBER.findall(plain(text))))


def names(text: str) -> frozenset[str]:
    """Places, titles of works, and capitalised words inside sentences."""
    text = plain(text)
    works = {one or other for one, other in _TITLED.findall(text)}
    capitals = {word.casefold() for word in _CAPITALISED.findall(text)}
    return frozenset(works | capitals | {place for place in PLACES if place in text})
