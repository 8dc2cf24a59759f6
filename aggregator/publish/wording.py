"""What pages say in the site's language: phrases with numbers, dates in the site's zone, `lang`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from aggregator.config.schema import Site
from aggregator.publish import phrases


@dataclass(frozen=True, slots=True)
class Wording:
    words: Mapping[str, str]
    language: str
    zone: ZoneInfo

    def say(self, key: str, *values: object) -> Markup:
        """A phrase with its values escaped. What is `Markup` already stays as it is."""
        return escape(self.words[key]) % tuple(escape(value) for value in values)

    def counted(self, key: str, number: int) -> Markup:
        """A phrase with a number, in the singular where the language has one (`key` + "1").

        The number is marked: it is where Chinese pages set a little space, in browsers that cannot.
        """
        key = f"{key}1" if number == 1 and f"{key}1" in self.words else key
        return self.say(key, Markup('<span class="n">{}</span>').format(f"{number:,}"))

    def local(self, when: datetime) -> datetime:
        return when.astimezone(self.zone)

    def stamp(self, when: datetime) -> str:
        """For `<time datetime>`: to the minute, with the zone's offset."""
        return self.local(when).isoformat(timespec="minutes")

    def clock(self, when: datetime) -> str:
        return self.local(when).strftime("%H:%M")

    def digits(self, when: datetime) -> str:
        return self.local(when).strftime("%Y-%m-%d %H:%M")

    def day(self, when: datetime, *, year: bool) -> str:
        return phrases.day(self.local(when).date(), self.language, year=year)

    def moment(self, when: datetime) -> Markup:
        """A date and a time as people read it, with its `<time>`."""
        date = phrases.day(self.local(when).date(), self.language, year=True, weekday=False)
        between = " " if phrases.is_chinese(self.language) else ", "
        return self.timed(when, f"{date}{between}{self.clock(when)}")

    def timed(self, when: datetime, text: str) -> Markup:
        return Markup('<time datetime="{}">{}</time>').format(self.stamp(when), text)

    def lang(self, language: str | None, text: str = "") -> Markup:
        """The attribute, where it differs from the page's own language.

        Of unknown language is, on a Chinese page, a text without any Han character: its quotation marks
        would else be set as wide as those.
        """
        if not language:
            foreign = text and phrases.is_chinese(self.language) and not phrases.has_han(text)
            return Markup(' lang=""') if foreign else Markup("")
        if phrases.spoken(language) == self.language:
            return Markup("")
        return Markup(' lang="{}"').format(phrases.spoken(language))


def wording(site: Site) -> Wording:
    return Wording(phrases.phrases(site.language), phrases.spoken(site.language), ZoneInfo(site.timezone))
