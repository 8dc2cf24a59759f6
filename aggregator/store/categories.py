"""Feeds of ours: the tree of categories, and beside it publishers and searches, which have no levels.

Found by folded name, created where missing, behind when counted so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, null, or_, select, update

from aggregator import slugs
from aggregator.config.schema import Category
from aggregator.model import Node, Path, digest
from aggregator.store import documents, paging
from aggregator.store.among import among
from aggregator.store.lock import one_at_a_time
from aggregator.store.portions import portions
from aggregator.store.tables import category
from aggregator.store.types import Record

CATEGORY, PUBLISHER, QUERY = "category", "publisher", "query"

# Made once, as those of `feeds` are.
_COLUMNS = (
    category.c.id,
    category.c.parent_id,
    category.c.key,
    category.c.path,
    category.c.slug,
    category.c.title,
    category.c.stories,
)
_LISTED = select(*_COLUMNS).where(
    category.c.kind == CATEGORY, or_(category.c.stories > 0, category.c.parent_id == null())
)
_BY_KEY = select(*_COLUMNS).where(category.c.key.in_(bindparam("keys", expanding=True)), category.c.kind == CATEGORY)
_BELOW = select(*_COLUMNS).where(category.c.parent_id == bindparam("of"), category.c.stories > 0)

#: The feed of everything.
ROOT = category.c.slug == "all"

#: Where feeds of each kind lie: what a slug begins with.
FOLDERS = {CATEGORY: "", PUBLISHER: "/s/", QUERY: "/q/"}


@dataclass(frozen=True, slots=True)
class Naming:
    """How categories get their names: what is pure, or comes from the config, is handed in."""

    #: Folds one name, so that spellings which differ by case, width or script are one.
    fold: Callable[[str], str]
    uuid: Callable[[Path], UUID]
    #: Title of the root, which is the feed `all`.
    root: str
    #: By folded path.
    configured: dict[tuple[str, ...], Category] = field(default_factory=dict)
    #: By folded path that a category had before (`was`): its path now.
    moved: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def key(self, path: Path) -> tuple[str, ...]:
        return tuple(self.fold(name) for name in path)

    def place(self, path: Path) -> Path:
        """Where this category is today, if it or one above it was renamed or merged."""
        for _ in self.moved:  # a move may lead to another, but never in a circle
            depths = range(len(path), 0, -1)
            depth = next((depth for depth in depths if self.key(path[:depth]) in self.moved), 0)
            if not depth:
                break
            path = self.moved[self.key(path[:depth])] + path[depth:]
        return path

    def settings(self, path: Path) -> Category | None:
        """What the config says of the category, in whatever spelling."""
        return self.configured.get(self.key(path)) if self.configured else None

    def description(self, path: Path) -> str:
        settings = self.settings(path)
        return (settings and settings.description) or ""


def ensure(connection: Connection, paths: Iterable[Path], naming: Naming, now: datetime) -> dict[Path, int]:
    """The ids of these paths' categories, the root's included; what is missing is created.

    A path that a category had before leads to that category. New ones are created in the order of
    their paths: which spelling names a category, and which of two takes a slug, must not depend on
    the order of entries in a check.
    """
    places = {path: naming.place(path) for path in (*paths, ())}
    wanted = sorted({path[:depth] for path in places.values() for depth in range(len(path) + 1)})
    keys = {path: _digest(naming.key(path)) for path in wanted}
    found = _found(connection, keys.values())
    for path in wanted:
        if keys[path] not in found:
            parent = found[keys[path[:-1]]] if path else None
            found[keys[path]] = _create(connection, path, keys[path], parent, naming, now)
    return {path: found[keys[place]] for path, place in places.items()}


def ensure_named(
    connection: Connection, kind: str, names: Collection[str], naming: Naming, now: datetime
) -> dict[str, int]:
    """The ids of the feeds of these publishers, or searches; what is missing is created.

    Their keys and ids are taken as those of a category below one without a name, which none is.
    """
    keys = {name: named_key(kind, name, naming) for name in names}
    found = _found(connection, keys.values())
    for name in sorted(names):
        if keys[name] not in found:
            settings = naming.settings((name,)) if kind == QUERY else None
            slug = FOLDERS[kind] + ((settings and settings.slug) or slugs.slug((name,)))
            title = (settings and settings.title) or name
            uuid = naming.uuid(("", kind, name))
            values = {"kind": kind, "key": keys[name], "path": [name], "slug": slug, "title": title, "uuid": uuid}
            found[keys[name]] = _insert(connection, values, now)
    return {name: found[key] for name, key in keys.items()}


def _found(connection: Connection, keys: Collection[bytes]) -> dict[bytes, int]:
    """The ids of these keys' feeds. Where one is missing it is this transaction's to create: another that was about to
    do so has ended by then, and is asked about again."""
    query = select(category.c.key, category.c.id).where(among(connection, category.c.key, keys))
    found = {row.key: row.id for row in connection.execute(query)}
    if len(found) < len(set(keys)) and one_at_a_time(connection):
        found = {row.key: row.id for row in connection.execute(query)}
    return found


def named_key(kind: str, name: str, naming: Naming) -> bytes:
    """The key of the feed of a publisher, or of a search."""
    return _digest(("", kind, naming.fold(name)))


def _digest(key: tuple[str, ...]) -> bytes:
    return digest("\0".join(key).encode())


def _create(connection: Connection, path: Path, key: bytes, parent: int | None, naming: Naming, now: datetime) -> int:
    settings = naming.settings(path)
    wanted = (settings and settings.slug) or (slugs.slug(path) if path else "all")
    title = (settings and settings.title) or (path[-1] if path else naming.root)
    values = {
        "parent_id": parent,
        "key": key,
        "path": list(path),
        "slug": wanted,
        "title": title,
        "uuid": naming.uuid(path),
    }
    return _insert(connection, values, now)


def _insert(connection: Connection, values: dict[str, Any], now: datetime) -> int:
    own = values | {"slug": slugs.distinct(values["slug"], _Slugs(connection)), "created": now}
    return int(connection.execute(insert(category).values(own).returning(category.c.id)).scalar_one())


@dataclass(frozen=True, slots=True)
class _Slugs:
    """The slugs that are taken, asked for one at a time."""

    connection: Connection

    def __contains__(self, slug: object) -> bool:
        return self.connection.scalar(select(category.c.id).where(category.c.slug == slug)) is not None


def retitle(connection: Connection, naming: Naming) -> None:
    """Take over titles that the config gives now; a changed title makes the feed dirty."""
    for path_key, settings in naming.configured.items():
        row = connection.execute(select(category).where(category.c.key == _digest(path_key))).first()
        title = settings.title or (row.path[-1] if row and row.path else None)
        if row is not None and title and title != row.title:
            connection.execute(
                update(category).where(category.c.id == row.id).values(title=title, changed=category.c.changed + 1)
            )
            paging.outdate_feed(connection, row.id)
            documents.outdate_site(connection, names=True)


def closure(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Each category with every level above it, the root included."""
    parents: dict[int, int | None] = {}
    missing = set(ids)
    while missing:
        rows = connection.execute(
            select(category.c.id, category.c.parent_id).where(among(connection, category.c.id, missing))
        )
        parents.update({row.id: row.parent_id for row in rows})
        missing = {parent for parent in parents.values() if parent is not None} - parents.keys()
    return {start: tuple(_climb(start, parents)) for start in ids}


def _climb(start: int, parents: dict[int, int | None]) -> Iterable[int]:
    at: int | None = start
    while at is not None:
        yield at
        at = parents[at]


def touch(connection: Connection, ids: Iterable[int]) -> None:
    """Say that what these feeds show has changed."""
    connection.execute(
        update(category).where(among(connection, category.c.id, ids)).values(changed=category.c.changed + 1)
    )


def dirty(connection: Connection, one: int | None = None) -> list[tuple[int, int]]:
    """Categories whose feeds are behind, or just this one, with the counter that their publication will settle."""
    query = select(category.c.id, category.c.changed).where(category.c.changed > category.c.published)
    rows = connection.execute((query if one is None else query.where(category.c.id == one)).order_by(category.c.id))
    return [(row.id, row.changed) for row in rows]


def settle(connection: Connection, counters: Sequence[tuple[int, int]]) -> None:
    """Record what was published: the counter that was read, so that a change since then stays dirty."""
    statement = update(category).where(category.c.id == bindparam("of")).values(published=bindparam("counter"))
    if counters:
        connection.execute(statement, [{"of": category_id, "counter": counter} for category_id, counter in counters])


def root(connection: Connection) -> int:
    """The feed of everything, which `ensure` makes."""
    found: int = connection.execute(select(category.c.id).where(ROOT)).scalar_one()
    return found


class Tree:
    """The categories that are listed, read as they are asked for: for one round of publishing."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        #: By folded path: two spellings of one level lead to one category.
        self._read: dict[tuple[str, ...], Node | None] = {}

    def of(self, connection: Connection, paths: Iterable[Path]) -> dict[Path, Node]:
        """Those of these categories and of all above them that are listed, by path; without what is below them."""
        wanted = {path[:depth] for path in paths for depth in range(len(path) + 1)}
        ways = {path: _levels(self._naming.key(path)) for path in wanted}
        self._fill(connection, {key for way in ways.values() for key in way})
        found = {path: [self._read[key] for key in way] for path, way in ways.items()}
        return {path: way[-1] for path, way in found.items() if way[-1] and way[-1].path == path and all(way)}

    def _fill(self, connection: Connection, keys: Collection[tuple[str, ...]]) -> None:
        missing = {_digest(key): key for key in keys if key not in self._read}
        self._read |= dict.fromkeys(missing.values())
        for portion in portions(missing):
            for row in connection.execute(_BY_KEY, {"keys": portion}):
                self._read[missing[row.key]] = _node(row, self._naming)

    def below(self, connection: Connection, category_id: int, path: Path) -> tuple[Node, ...]:
        """What is listed directly below a category that is."""
        if path not in self.of(connection, (path,)):
            return ()
        rows = sorted(connection.execute(_BELOW, {"of": category_id}), key=_in_order)
        return tuple(node for row in rows if (node := _node(row, self._naming)))


def _levels(key: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [key[:depth] for depth in range(len(key) + 1)]


def _node(row: Record, naming: Naming) -> Node | None:
    """As it is listed: hidden categories are not, nor is one that has no story: it may have been renamed or merged."""
    path = tuple(row.path)
    settings = naming.settings(path)
    if path and (not row.stories or (settings and settings.hidden)):
        return None
    return Node(path, row.slug, row.title, row.stories, (settings and settings.description) or "")


def _in_order(row: Record) -> tuple[str, list[str]]:
    """Siblings, in the order of code points."""
    return row.title, row.path


def tree(connection: Connection, naming: Naming) -> Node:
    """The tree of what is listed, with the number of stories of each node."""
    children: dict[int | None, list[tuple[int, Node]]] = {}
    for row in sorted(connection.execute(_LISTED), key=_in_order):
        if node := _node(row, naming):
            children.setdefault(row.parent_id, []).append((row.id, node))

    def whole(row_id: int, node: Node) -> Node:
        below = children.get(row_id)
        return replace(node, children=tuple(whole(*child) for child in below)) if below else node

    roots = children.get(None)
    return whole(*roots[0]) if roots else Node((), "all", "", 0)


def publishers(connection: Connection) -> list[Node]:
    """Every publisher that has stories, in the order of code points."""
    rows = connection.execute(select(category).where(category.c.kind == PUBLISHER, category.c.stories > 0))
    return sorted((_leaf(row) for row in rows), key=lambda node: (node.title, node.slug))


def _leaf(row: Record) -> Node:
    return Node(tuple(row.path), row.slug, row.title, row.stories)


def known(connection: Connection) -> dict[int, tuple[Path, str]]:
    """Path and slug of every category that ever was."""
    rows = connection.execute(
        select(category.c.id, category.c.path, category.c.slug).where(category.c.kind == CATEGORY)
    )
    return {row.id: (tuple(row.path), row.slug) for row in rows}
