"""Format texts, numbers, money, dates and durations in a reader's language. No Streamlit here.

Source texts are English; ``locale/fr/LC_MESSAGES/messages.po`` has their French (gettext). A
``Language`` is a value that a page makes for one session: two sessions share nothing.
"""

from __future__ import annotations

import gettext
import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal

from ecommerce_core.domain.labels import WORDS
from ecommerce_core.domain.messages import Fact, text

_LOCALE_DIR = Path(__file__).parent / "locale"

LANGUAGES = {"en": "English", "fr": "Français"}
# A European shop: day before month and 24 hours, in English too.
_BABEL_LOCALES = {"en": "en_GB", "fr": "fr_FR"}
# A peer's clock can be set to any date and speed: beyond these limits, digits help nobody.
_LONGEST_NUMBER = 1e21
_LONGEST_DURATION_S = 1e15

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
# Streamlit replaces these in the text that Markdown leaves, where a backslash
# no longer shields it: icons and emoji (:name:), links (://, www., @), arrows.
_REPLACED_LATER = re.compile(r"(?<=[:@])|(?<=[-<>=~])(?=[-<>=~])|(?<=www)(?=\.)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
# Overrides of the reading direction would turn the sentence around them.
_UNSHOWABLE = re.compile("[\0\u202a-\u202e\u2066-\u2069]")


def escape(text: object) -> str:
    """Return ``text`` escaped so that Streamlit's Markdown shows it literally, on one line."""
    plain = str(text).encode("utf-8", "replace").decode()
    plain = " ".join(_UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", plain).split())
    return _PUNCTUATION.sub(r"\\\g<0>", _REPLACED_LATER.sub(_WORD_JOINER, plain))


def escape_time(text: str) -> str:
    """Escape a date and time of ours for Markdown.

    Streamlit's page takes ``:25:`` in ``09:25:59`` for a possible emoji, and loads and runs a
    quarter of a megabyte of JavaScript to find that it is none. Unlike ``escape``, this adds no
    joiners, so that the time can be copied and searched for; it is only safe for our own texts.
    """
    return text.replace(":", r"\:")


def language_of(locale: str | None) -> str:
    """Return the language for a browser's locale such as ``fr-CA``, or English if there is none."""
    code = (locale or "").replace("_", "-").split("-")[0].lower()
    return code if code in LANGUAGES else "en"


@lru_cache(maxsize=len(LANGUAGES))
def translations(code: str) -> gettext.NullTranslations:
    """Return the message catalogue of a language; English is the source."""
    return gettext.translation("messages", _LOCALE_DIR, [code], fallback=code == "en")


# A page of rows formats the same few numbers over and over: it took a quarter of its time.
@lru_cache(maxsize=4_096)
def _decimal(value: float | Decimal, pattern: str, code: str) -> str:
    return format_decimal(value, format=pattern, locale=_BABEL_LOCALES[code])


@lru_cache(maxsize=4_096)
def _euros(cents: float | Decimal, code: str) -> str:
    return format_currency(cents / 100, "EUR", locale=_BABEL_LOCALES[code])


@lru_cache(maxsize=64)
def timezone(name: str | None) -> tzinfo:
    """Return the time zone that a browser names, or UTC if it is unknown."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC


@dataclass(frozen=True)
class Language:
    """One reader's language and time zone. ``code`` is a key of LANGUAGES."""

    code: str = "en"
    zone: tzinfo = UTC

    @cached_property
    def _locale(self) -> Locale:
        return Locale.parse(_BABEL_LOCALES[self.code])

    def text(self, message: str) -> str:
        """Return the translation of a source text."""
        return translations(self.code).gettext(message) if message else ""

    def plural(self, singular: str, plural: str, count: int) -> str:
        """Return the form for ``count``, with ``{count}`` filled in."""
        form = translations(self.code).ngettext(singular, plural, count)
        return form.format(count=self.number(count))

    def word(self, name: str) -> str:
        """Return the label of a status, trigger, stage, recurrence or role."""
        return self.text(WORDS.get(name, name))

    def fact(self, fact: Fact | None) -> str:
        """Return the text of a fact in this language, or "". Not escaped: it may quote a peer."""
        return "" if fact is None else text(fact.code, fact.details, self.text, self.number)

    def number(self, value: float | Decimal, *, decimals: int | None = None) -> str:
        """Write ``1,234.5`` or ``1 234,5``, with at most three decimals or exactly ``decimals``."""
        if not abs(float(value)) < _LONGEST_NUMBER:
            return f"{float(value):.3g}"
        pattern = "#,##0.###" if decimals is None else f"#,##0.{'0' * decimals}".rstrip(".")
        return _decimal(value, pattern, self.code)

    def points(self, value: float) -> str:
        """Format loyalty points, or any amount without a unit: two decimals if it is a fraction."""
        return self.number(value, decimals=0 if float(value).is_integer() else 2)

    def exact(self, value: Decimal) -> str:
        """Format a number with all its decimals."""
        exponent = value.normalize().as_tuple().exponent
        return self.number(value, decimals=max(0, -int(exponent)))

    def money(self, cents: float | Decimal) -> str:
        """Format integer cents as euros: ``€4.24`` or ``4,24 €``."""
        return _euros(cents, self.code)

    def euros(self, amount: Decimal) -> str:
        """An amount as somebody typed it, all its decimals kept: ``€500``, ``€10.50``."""
        pattern = str(self._locale.currency_formats["standard"].pattern)
        if amount == amount.to_integral_value():
            pattern = pattern.replace(".00", "")
        return format_currency(
            amount,
            "EUR",
            pattern,
            locale=self._locale,
            currency_digits=False,
            decimal_quantization=False,
        )

    def size(self, count: float) -> str:
        """Format bytes: ``12 kB``, ``1.4 MB``."""
        _ = self.text
        units = [_("B"), _("kB"), _("MB"), _("GB")]
        while count >= 999.5 and len(units) > 1:
            count /= 1_000
            units.pop(0)
        return f"{self.number(count, decimals=1 if count % 1 and count < 9.95 else 0)} {units[0]}"

    def moment(self, at: datetime, *, seconds: bool = True) -> str:
        """Format a UTC time in the reader's zone, with the zone: ``24 Nov 2025, 21:03 CET``."""
        local = at.astimezone(self.zone)
        return f"{self._day_and_time(local, seconds=seconds)} {local.tzname()}"

    def local(self, at: datetime) -> str:
        """Format like ``moment`` without the zone, for a column whose heading names it."""
        return self._day_and_time(at.astimezone(self.zone), seconds=True)

    def simulated(self, at: datetime, *, seconds: bool = True) -> str:
        """Format a naive time of the simulated clock; the caller adds that it is simulated."""
        return self._day_and_time(at, seconds=seconds)

    def day(self, at: datetime) -> str:
        """Format the day: ``7 Jan 2019``."""
        return format_datetime(at, "d MMM y", locale=self._locale)

    def months(self) -> list[str]:
        """Return the names of the months, as they appear in a date."""
        days = [datetime(2025, month, 1) for month in range(1, 13)]
        written = (format_datetime(day, "d MMM", locale=self._locale) for day in days)
        return [each.partition(" ")[2] for each in written]

    @property
    def place(self) -> str:
        """The zone's name, short enough for a heading: ``Paris``, ``UTC``."""
        return str(self.zone).rsplit("/", 1)[-1].replace("_", " ")

    def _day_and_time(self, at: datetime, *, seconds: bool) -> str:
        pattern = "d MMM y, HH:mm:ss" if seconds else "d MMM y, HH:mm"
        return format_datetime(at.replace(tzinfo=None), pattern, locale=self._locale)

    def duration(self, seconds: float) -> str:
        """Format the two largest units: ``0.4 s``, ``1 min 12 s``, ``2 h 5 min``, ``3 d 4 h``."""
        _ = self.text
        seconds = min(max(0.0, seconds), _LONGEST_DURATION_S)
        if seconds < 0.0995:
            return f"{self.number(seconds * 1000, decimals=0)} {_('ms')}"
        if seconds < 9.95:
            return f"{format_decimal(seconds, format='0.#', locale=self._locale)} {_('s')}"
        whole = round(seconds)
        units = ((_("d"), 86_400), (_("h"), 3_600), (_("min"), 60), (_("s"), 1))
        for (unit, size), (smaller, smaller_size) in zip(units, units[1:], strict=False):
            if whole >= size:
                rest = whole % size // smaller_size
                tail = f" {rest} {smaller}" if rest else ""
                return f"{self.number(whole // size)} {unit}{tail}"
        return f"{whole} {_('s')}"

    def ago(self, at: datetime, now: datetime) -> str:
        """Format how long ago: ``12 s ago``, in whole seconds; ``just now`` below two."""
        _ = self.text
        age_s = int((now - at).total_seconds())
        if age_s < 2:
            return _("just now")
        return _("{duration} ago").format(duration=self.duration(age_s))

    def speed(self, speed: float) -> str:
        """Format a clock's speed: ``50 ×: an hour passes in 72 s``."""
        _ = self.text
        if speed <= 0:
            return _("{factor} ×: time is stopped").format(factor=self.number(speed))
        hour_s = 3_600 / speed
        seconds = f"{self.number(hour_s, decimals=0)} {_('s')}"
        return _("{factor} ×: an hour passes in {duration}").format(
            factor=self.number(speed),
            duration=seconds if 10 <= hour_s < 120 else self.duration(hour_s),
        )
