"""Health as a feed: what is wrong with sources, and with documents of ours, for whoever runs this.

Nothing in it is a secret: every sentence is ours, filled with names of sources, and with what is fit
to be published of the rest (`Condition.detail`). It is no feed of articles and stands in no list of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from markupsafe import Markup, escape

from aggregator.config.schema import Output, Site
from aggregator.model import Carrier, Condition, Feed, Origin, Story, Term, Trouble
from aggregator.publish.addresses import HEALTH, STATUS, public_url, tag_uri
from aggregator.publish.atom import write
from aggregator.publish.kept import Kept
from aggregator.publish.values import feed_values
from aggregator.publish.wording import Wording, wording
from aggregator.publish.xmltext import one_line, shortened

#: Conditions that the feed shows.
MOST = 50

#: Made once, for this project.
_FEED = UUID("8c5be7b8-6a3e-4b0b-9d86-1f4f0a7c2e95")

_CODE = re.compile("`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Told:
    """A condition in the site's language."""

    title: str
    #: What happened; names of config keys and commands stand in backticks.
    what: str
    #: What to do about it.
    remedy: str


def told(condition: Condition, say: Wording) -> Told:
    """What is wrong and what to do, without anything that is not fit to be published."""
    words, kind = say.words, str(condition.kind)
    name = one_line(condition.source or condition.path or "")
    detail = _detail(condition, say)
    remedy = f"do_{condition.detail}" if condition.kind is Trouble.FAILING else f"do_{kind}"
    return Told(
        title=_filled(words[f"title_{kind}"], name, detail),
        what=_filled(words[f"what_{kind}"], name, detail),
        remedy=_filled(words[remedy], name, detail),
    )


def with_code(text: str) -> Markup:
    """Our own sentence as HTML: what stands in backticks is what people type."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped before


def health(conditions: Sequence[Condition], created: datetime, site: Site, output: Output) -> bytes:
    """The feed of these conditions, newest first; `created` is when it came into being, for one without any."""
    say = wording(site)
    stories = tuple(_story(condition, when, site, say) for condition, when in _apart(conditions))
    updated = stories[0].updated if stories else created
    title = say.words["health_title"] % one_line(site.title)
    feed = Feed(_FEED, HEALTH_SLUG, title, say.words["health_about"], (), updated, stories)
    # A hub is told of what subscribers of articles have, and this is not for them.
    kept = Kept()
    values = feed_values(feed, site, output.model_copy(update={"hub": None}), "atom", kept)
    return write(replace(values, page=public_url(site, STATUS)), kept)


#: A slug that leads to a file in the output folder itself.
HEALTH_SLUG = "/" + HEALTH.removesuffix(".atom")


def status_path(source: str | None) -> str:
    """Where the status page of a source is, or of all."""
    return f"{STATUS}/{source}" if source else STATUS


def _apart(conditions: Sequence[Condition]) -> Iterator[tuple[Condition, datetime]]:
    """With dates that differ: two workers may have written at the same time."""
    later: datetime | None = None
    for condition in conditions:
        when = condition.updated if later is None else min(condition.updated, later - timedelta(microseconds=1))
        yield condition, (later := when)


def _story(condition: Condition, updated: datetime, site: Site, say: Wording) -> Story:
    words = told(condition, say)
    ended = condition.until is not None
    title = say.words["health_ended"] % words.title if ended else words.title
    times = [say.words["health_since"] % say.digits(condition.since)]
    if condition.until:
        times.append(say.words["health_until"] % say.digits(condition.until))
    sentences = [words.what, *([] if ended else [words.remedy]), " ".join(times)]
    page = public_url(site, status_path(condition.source))
    return Story(
        uuid=condition.uuid,
        title=title,
        html="".join(f"<p>{with_code(sentence)}</p>" for sentence in sentences),
        summary=shortened(" ".join(sentences[:2]).replace("`", ""), 300),
        url=page,
        publisher=site.title,
        authors=(),
        published=condition.since,
        updated=updated,
        paths=(),
        terms=(Term((str(condition.kind),)),),
        origin=Origin(site.title, tag_uri(site, _FEED), public_url(site, STATUS)),
        carriers=(Carrier(condition.uuid, site.title, title, page),),
    )


def _detail(condition: Condition, say: Wording) -> str:
    """What is said of the condition besides its name."""
    if condition.kind is Trouble.FAILING:
        return say.words[f"why_{condition.detail}"]
    if condition.kind is Trouble.SILENT:
        return say.digits(datetime.fromisoformat(condition.detail))
    return one_line(condition.detail)


def _filled(phrase: str, name: str, detail: str) -> str:
    return phrase.format(name=name, detail=detail)
