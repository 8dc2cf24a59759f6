"""What may appear in published HTML: elements, attributes, schemes, hosts of embedded players."""

from __future__ import annotations

from aggregator.clean import hosts


def names(text: str) -> frozenset[str]:
    """The words of a text: long lists of names are easier to read and to compare as such."""
    return frozenset(text.split())


_TEXT = """a abbr b bdi bdo br cite code data del dfn em hr i ins kbd mark q rp rt ruby s samp small strong sub sup
time u var wbr"""
_BLOCKS = """address article aside blockquote dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header
hgroup li main nav ol p pre section summary ul"""
_TABLES = "caption col colgroup table tbody td tfoot th thead tr"
_MEDIA = "audio iframe img picture source track video"
#: Presentation MathML. No annotation: it would repeat the formula as text, and hides attacks.
_MATH = """math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace
msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics"""

ELEMENTS = names(f"{_TEXT} {_BLOCKS} {_TABLES} {_MEDIA} {_MATH}")
BLOCKS = names(f"{_BLOCKS} hr table")

#: No class, id, style, and no event handler: appearance is the reader's.
ATTRIBUTES = {
    "*": "lang dir",
    "a": "href title hreflang type",
    "abbr": "title",
    "audio": "src preload controls",
    "col": "span",
    "colgroup": "span",
    "data": "value",
    "del": "datetime",
    "details": "open",
    "iframe": "src width height title allowfullscreen loading sandbox",
    "img": "src srcset sizes alt title width height loading",
    "ins": "datetime",
    "li": "value",
    "math": "display alttext",
    "menclose": "notation",
    "mo": "stretchy fence separator form",
    "mspace": "width",
    "mtd": "columnspan rowspan",
    "mfrac": "linethickness",
    "ol": "start reversed type",
    "source": "src srcset sizes type media width height",
    "td": "colspan rowspan headers",
    "th": "colspan rowspan headers scope abbr",
    "time": "datetime",
    "track": "src srclang kind label",
    "video": "src poster width height preload controls",
}

#: Attributes with the only values that they may have.
VALUES = {"img": {"referrerpolicy": frozenset(("no-referrer", *hosts.REFERRER.values()))}}

SCHEMES = frozenset(("http", "https", "mailto"))

#: Said of every such element, whatever its author says. Written when its links are: the sanitizer
#: only makes sure, for it would add them in another order in every process.
ALWAYS = {
    "audio": {"controls": ""},
    "img": {"loading": "lazy"},
    "video": {"controls": ""},
    "iframe": {"loading": "lazy", "sandbox": "allow-scripts allow-same-origin allow-popups allow-presentation"},
}

#: Hosts (and those below them) whose players may be embedded.
PLAYERS = (
    "bandcamp.com",
    "dailymotion.com",
    "embed.music.apple.com",
    "embed.podcasts.apple.com",
    "i.y.qq.com",
    "music.163.com",
    "open.spotify.com",
    "player.bilibili.com",
    "player.twitch.tv",
    "player.vimeo.com",
    "player.youku.com",
    "v.qq.com",
    "w.soundcloud.com",
    "www.youtube-nocookie.com",
    "www.youtube.com",
)


def is_player(url: str | None) -> bool:
    """Whether an absolute address belongs to one of `PLAYERS`; only https ones do."""
    if not url or not url.startswith("https://"):
        return False
    host = url[8:].split("/", 1)[0]
    return any(f".{host}".endswith(f".{player}") for player in PLAYERS)
