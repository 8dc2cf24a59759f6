"""Names of categories and publishers as parts of addresses and of file names.

A slug is readable: `金融/新浪财经` stays as it is, for URLs and file systems both carry UTF-8.
Only what is unsafe as a file name, or is taken by files of ours, is altered. Nothing here looks
at what exists: a caller keeps a slug for ever once it was published, and asks `distinct` first.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Container

#: Bytes of a segment in UTF-8. File systems allow 255; endings, clash numbers and the names of
#: temporary files are put around it.
MOST_BYTES = 200

#: A category's feed lies beside its own folder as `<slug>.atom`: a category of that very name
#: would be the same path as another one's feed.
_ENDINGS = (".atom", ".rss", ".json", ".html")

_SEPARATORS = str.maketrans({"/": "_", "\\": "_", "\0": "_"})


def segment(name: str) -> str:
    """One safe path segment of at most `MOST_BYTES` bytes for any name; idempotent.

    Never empty, no separator, no control character, no leading dot, no trailing dot or blank.
    `archive` is taken at every level by the older parts of feeds.
    """
    text = unicodedata.normalize("NFC", name.translate(_SEPARATORS))
    # Lone surrogates go too: they cannot be written as UTF-8.
    text = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cs"))
    text = _trim(text) or "_"
    if text.endswith(_ENDINGS) or text == "archive":
        text += "_"
    return text if len(text.encode()) <= MOST_BYTES else _cut(text)


def slug(path: tuple[str, ...]) -> str:
    """Segments of a category path joined by `/`; the path of a publisher is its one name.

    `all` and `index` are taken at the top level only. An empty path is as one empty name.
    """
    joined = "/".join(map(segment, path)) or "_"
    return f"{joined}_" if joined in ("all", "index") else joined


def distinct(slug: str, taken: Container[str]) -> str:
    """The slug, or with `-2`, `-3`, ... appended the first that nobody has."""
    number, free = 1, slug
    while free in taken:
        number += 1
        free = f"{slug}-{number}"
    return free


def _trim(text: str) -> str:
    """Without leading dots, trailing dots and trailing blanks of any script."""
    text = text.lstrip(".")
    end = len(text)
    while end and (text[end - 1] == "." or text[end - 1].isspace()):
        end -= 1
    return text[:end]


def _cut(text: str) -> str:
    # The digest keeps long names apart that begin alike.
    ending = "~" + hashlib.sha256(text.encode()).hexdigest()[:8]
    return text.encode()[: MOST_BYTES - len(ending)].decode(errors="ignore") + ending
