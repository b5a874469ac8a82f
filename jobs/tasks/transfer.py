"""What a translation carries over as it stands: addresses, placeholders, markup, dates."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jobs.tasks.folding import fold
from jobs.tasks.numbers import ERAS, MONTH_NUMBERS

URL: Final = re.compile(r"(?:https?://|ftp://|www\.)[]!#-&(-;=?-[_a-z~]+", re.IGNORECASE)
MAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)
URL_TAIL: Final = ".,;:!?)]}>'\"*_"
PLACEHOLDER: Final = re.compile(
    r"\{\{[^{}\n]{1,64}\}\}"  # {{ name }}
    r"|\$\{[^{}\n]{1,64}\}"  # ${name}
    r"|\{[A-Za-z0-9_.:!,\[\]-]{0,64}\}"  # {name}, {0:.2f}, {}
    r"|%\([A-Za-z_]\w*\)[-+#0]*[0-9]*(?:\.[0-9]+)?[A-Za-z]"  # %(name)d
    r"|(?<![0-9%])%(?:[0-9]+\$)?[-+#0]*[0-9]*(?:\.[0-9]+)?[sdifuxXeEgGc@]"  # %s, %1$d
    r"(?![A-Za-z0-9])"
)
TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)((?:\s[^<>]*)?)(/?)>")
CODE: Final = re.compile(r"`([^`\n]+)`")
LINK: Final = re.compile(r"(!?)\[[^\[\]\n]*\]\(([^()\s]++)[^()\n]*+\)")
HEADING: Final = re.compile(r"^(#{1,6})[ \t]", re.MULTILINE)
ITEM: Final = re.compile(r"^[ \t]*(?:[-*+]|[0-9]{1,3}\.)[ \t]", re.MULTILINE)
FENCE: Final = re.compile(r"^```", re.MULTILINE)
BOLD: Final = re.compile(r"\*\*")

FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
TARGET: Final = re.compile(r"(?<=\]\()[^()\s]+")
CARRIED: Final = (FENCED, CODE, TAG, URL, MAIL, PLACEHOLDER, TARGET)

MONTH_WORD: Final = "|".join(sorted(MONTH_NUMBERS, key=len, reverse=True))
DATES: Final = re.compile(
    rf"(?P<era>{'|'.join(ERAS)}) ?(?P<era_year>元|[0-9]{{1,2}})年"
    r" ?(?P<em>[0-9]{1,2})月 ?(?P<ed>[0-9]{1,2})日"
    r"|(?:(?P<cy>[0-9]{4}) ?[年년] ?)?(?P<cm>[0-9]{1,2}) ?[月월] ?(?P<cd>[0-9]{1,2}) ?[日号號일]"
    r"|(?<![0-9])(?P<iy>[0-9]{4})(?P<mark>\. ?|[-/])(?P<im>[0-9]{1,2})(?P=mark)"
    r"(?P<id>[0-9]{1,2})(?![0-9])"
    r"|(?<![0-9])(?P<a>[0-9]{1,2})(?P<sign>[-/.])(?P<b>[0-9]{1,2})(?P=sign)"
    r"(?P<y>[0-9]{4})(?![0-9])"
    rf"|\b(?P<wm>{MONTH_WORD})\.? (?P<wd>[0-9]{{1,2}})(?:st|nd|rd|th)?\b(?!:)"
    r"(?:,? (?P<wy>[0-9]{4})\b)?"
    rf"|\b(?P<gd>[0-9]{{1,2}})(?:st|nd|rd|th|er|\.)? (?:of )?(?P<gm>{MONTH_WORD})\b\.?"
    r"(?:,? (?P<gy>[0-9]{4})\b)?"
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day that a text names; the year is None where it does not stand beside it."""

    year: int | None
    month: int
    day: int

    def agrees(self, other: "Day") -> bool:
        """Whether two may be the same day."""
        years = self.year is None or other.year is None or self.year == other.year
        return years and (self.month, self.day) == (other.month, other.day)


def drop_carried(text: str) -> str:
    """Return a text without what its translation carries over as it stands: no words are in it."""
    for pattern in CARRIED:
        text = pattern.sub("\n", text)
    return text


def keeps_addresses(source: str, text: str) -> bool:
    """Whether a translation has the URLs and mail addresses of its source, and no others."""
    return _addresses(source) == _addresses(text)


def keeps_placeholders(source: str, text: str) -> bool:
    """Whether {name}, {{name}}, ${name}, %s, %(name)d stand as often as in the source."""
    return Counter(PLACEHOLDER.findall(source)) == Counter(PLACEHOLDER.findall(text))


def keeps_markup(source: str, text: str) -> bool:
    """Whether HTML/XML tags and Markdown are as many, of the same kinds, as in the source.

    Attributes of tags may be translated; code and the targets of links may not.
    """
    return _markup(source) == _markup(text)


def keeps_dates(source: str, text: str) -> bool:
    """Whether every whole date of the source is one of the translation, in any spelling.

    A translation in whose language no date can be read here is not blamed.
    """
    wanted, found = _days(source), _days(text)
    if not found:
        return True
    known = {day for days in found for day in days}
    return all(any(one.agrees(other) for one in days for other in known) for days in set(wanted))


def _addresses(text: str) -> frozenset[str]:
    found = {_end_address(match[0]) for match in URL.finditer(text)}
    return frozenset(found | {match[0].casefold() for match in MAIL.finditer(text)})


def _end_address(url: str) -> str:
    """Cut off what a sentence or a link in Markdown puts behind an address."""
    return (url if "(" in url else url.partition(")")[0]).rstrip(URL_TAIL)


def _markup(text: str) -> Counter[str]:
    marks: Counter[str] = Counter()
    for close, name, _, empty in TAG.findall(text):
        marks[f"<{close}{name.casefold()}{empty}>"] += 1
    marks.update(f"`{code}" for code in CODE.findall(text))
    marks.update(f"{image}]({target}" for image, target in LINK.findall(text))
    marks.update(HEADING.findall(text))
    for name, pattern in (("item", ITEM), ("fence", FENCE), ("bold", BOLD)):
        marks[name] = len(pattern.findall(text))
    return +marks


def _days(text: str) -> list[frozenset[Day]]:
    """Return the dates of a text, each with all that it may mean."""
    return [days for match in DATES.finditer(fold(text).text) if (days := frozenset(_read(match)))]


def _read(match: re.Match[str]) -> Iterator[Day]:
    part = match.groupdict()
    if part["era"]:
        year = ERAS[part["era"]] + (1 if part["era_year"] == "元" else int(part["era_year"]))
        yield Day(year, int(part["em"]), int(part["ed"]))
    elif part["cm"]:
        yield _day(part["cy"], part["cm"], part["cd"])
    elif part["iy"]:
        yield _day(part["iy"], part["im"], part["id"])
    elif part["a"]:
        for month, day in ((part["a"], part["b"]), (part["b"], part["a"])):
            if int(month) <= 12:
                yield _day(part["y"], month, day)
    elif part["wm"]:
        yield _day(part["wy"], str(MONTH_NUMBERS[part["wm"]]), part["wd"])
    elif part["gm"]:
        yield _day(part["gy"], str(MONTH_NUMBERS[part["gm"]]), part["gd"])


def _day(year: str | None, month: str, day: str) -> Day:
    return Day(int(year) if year else None, int(month), int(day))
