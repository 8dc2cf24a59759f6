"""Asks for articles' own pages: under the manners of every request, and as many as time allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from aggregator.config.schema import Source
from aggregator.means import Means
from aggregator.model import Document, Failed, NotModified, Outcome, Validators
from aggregator.parse import fulltext
from aggregator.parse.fulltext import Page

#: Seconds for all pages of one round together.
PATIENCE = 60.0

#: What came of a request for a page: the article, a failure, or why there is no article on the page.
Answer = Page | Failed | str

#: After one of these the same host is left alone for the round.
TIRED = frozenset({Outcome.RATE_LIMITED, Outcome.UNREACHABLE, Outcome.BOT_WALL})

#: Stands for a request that is still under way when time is up: it counts as one that failed.
_SLOW = Failed(Outcome.UNREACHABLE, "its page takes too long")


async def ask(means: Means, source: Source, urls: Iterable[str], *, patience: float = PATIENCE) -> dict[str, Answer]:
    """The pages at these addresses, hosts side by side and each host's one by one, in `patience` seconds.

    What is missing in the result was not asked for: time was up, its host had enough, or the
    process is to end.
    """
    found: dict[str, Answer] = {}
    hosts: dict[str | None, list[str]] = {}
    for url in dict.fromkeys(urls):
        hosts.setdefault(urlsplit(url).hostname, []).append(url)

    async def one_host(urls: list[str]) -> None:
        for url in urls:
            if means.stopping.is_set():
                return
            found[url] = _SLOW
            found[url] = answer = await _page(means, source, url)
            if isinstance(answer, Failed) and (answer.outcome in TIRED or answer.scope != "url"):
                return

    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await asyncio.gather(*map(one_host, hosts.values()))
    return found


async def _page(means: Means, source: Source, url: str) -> Answer:
    # Asked for as a page. What is trusted stays the source's own address, wherever the article lies.
    visitor = source.model_copy(update={"page": source.page or url})
    answer = await means.fetcher.fetch(visitor, url, Validators(), means.clock())
    if isinstance(answer, Failed):
        return answer
    if isinstance(answer, NotModified):
        return Failed(Outcome.HTTP_ERROR, "its page is said to be unchanged, though it was never asked for before")
    # At once, and in a thread: what is kept until all are there are texts, not bodies of megabytes.
    return await asyncio.to_thread(_read, answer.document, source.full_text)


def _read(document: Document, wanted: bool | str) -> Answer:
    from aggregator.fetch.walls import login_page

    if login_page(urlsplit(document.url or "").path, document.body):
        return "its address leads to a login page"
    return fulltext.read(document, wanted if isinstance(wanted, str) else None)
