"""Amounts of money in folded text: which number, and which currencies its sign may mean."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from jobs.tasks.kanji import find_kanji
from jobs.tasks.numbers import Number, find_numbers

PLAIN: Final = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
CODE: Final = re.compile(r"[A-Z]{3}")
DOLLARS: Final = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN")
SIGNS: Final[dict[str, tuple[str, ...]]] = {
    "¥": ("JPY", "CNY"), "円": ("JPY",), "えん": ("JPY",), "yen": ("JPY",),
    "元": ("CNY", "TWD", "HKD"),
    "人民元": ("CNY",), "rmb": ("CNY",), "yuan": ("CNY",), "$": DOLLARS, "us$": ("USD",),
    "米ドル": ("USD",), "ドル": DOLLARS, "dollar": DOLLARS, "dollars": DOLLARS, "c$": ("CAD",),
    "ca$": ("CAD",), "カナダドル": ("CAD",), "a$": ("AUD",), "au$": ("AUD",), "豪ドル": ("AUD",),
    "nz$": ("NZD",), "s$": ("SGD",), "hk$": ("HKD",), "香港ドル": ("HKD",), "nt$": ("TWD",),
    "台湾ドル": ("TWD",), "mex$": ("MXN",), "r$": ("BRL",), "€": ("EUR",), "euro": ("EUR",),
    "euros": ("EUR",), "ユーロ": ("EUR",), "£": ("GBP",), "pound": ("GBP",), "pounds": ("GBP",),
    "ポンド": ("GBP",), "₩": ("KRW",), "원": ("KRW",), "won": ("KRW",), "ウォン": ("KRW",),
    "sfr": ("CHF",), "fr.": ("CHF",), "franken": ("CHF",), "francs": ("CHF",), "franc": ("CHF",),
    "フラン": ("CHF",), "₹": ("INR",), "rs": ("INR",), "rs.": ("INR",), "ルピー": ("INR",),
    "฿": ("THB",), "バーツ": ("THB",), "₫": ("VND",), "ドン": ("VND",), "₱": ("PHP",),
    "kr": ("SEK", "NOK", "DKK", "ISK"), "zł": ("PLN",), "₽": ("RUB",), "₺": ("TRY",),
    "₪": ("ILS",),
}  # fmt: skip
"""Sign -> the currencies it may mean, the usual one first; every code is a sign of its own."""
LONGEST: Final = max(map(len, SIGNS))
MINUS: Final = "-−–▲△("
SUFFIX: Final = re.compile(r"(?:k|m|mn|bn)\b")
LETTER: Final = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Signed:
    """A number with its sign at [start, end) of a folded text, and the currencies it may mean."""

    start: int
    end: int
    codes: tuple[str, ...]


def read_amount(text: str) -> str | None:
    """Return the plain decimal digits of a folded amount ("1,200", "1.234,56", "1万2千")."""
    if PLAIN.fullmatch(text):
        number = Decimal(text.replace(",", ""))
    else:
        negative = text[:1] in MINUS[:-1]
        body = text[1:] if negative else text
        whole = [
            one
            for one in (*find_numbers(body), *find_kanji(body))
            if (one.start, one.end) == (0, len(body))
        ]
        if not whole or len(whole[0].values) != 1:
            return None
        number = next(iter(whole[0].values)) * (-1 if negative else 1)
    shown = format(number, "f")
    return shown if number else shown.removeprefix("-")


def read_currency(text: str) -> str | None:
    """Return the three letters of a folded currency ("円", "yen", "jpy"); None for no such."""
    known = SIGNS.get(text)
    code = known[0] if known else text.upper()
    return code if CODE.fullmatch(code) else None


def find_signs(folded: str, number: Number) -> tuple[Signed, ...]:
    """Return the signs beside a number, on either side; itself, with no currency, without one."""
    start, end = number.start, number.end
    suffix = SUFFIX.match(folded, end)
    end = suffix.end() if suffix else end
    found = []
    before = _sign_at_end(folded[max(0, start - LONGEST - 3) : start].rstrip(MINUS + " "))
    if before:
        found.append(Signed(folded.rindex(before[0], 0, start), end, before[1]))
    at = end + (folded[end : end + 1] == " ")
    after = _sign_at_start(folded[at : at + LONGEST + 1])
    if after:
        found.append(Signed(start, at + len(after[0]), after[1]))
    return tuple(found) or (Signed(start, number.end, ()),)


def names_currency(folded: str, code: str) -> bool:
    """Whether a text has the code of a currency, or a sign that usually or only means it."""
    return any(pattern.search(folded) for pattern in _naming(code))


@lru_cache(maxsize=256)
def _naming(code: str) -> tuple[re.Pattern[str], ...]:
    signs = [code.lower(), *(sign for sign, codes in SIGNS.items() if code in _usual(codes))]
    return tuple(_bounded(sign) for sign in signs)


def _usual(codes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the currencies that a sign may mean without another word."""
    return codes[:2] if codes == SIGNS["¥"] else codes[:1]


def may_be(codes: tuple[str, ...], code: str, *, named: bool) -> bool:
    """Whether a sign that means one of `codes` means this one.

    `named` says whether the text names the currency elsewhere: the rarer ones of a sign need it.
    """
    if not codes:
        return named
    return code in _usual(codes) or (code in codes and named)


@lru_cache(maxsize=1024)
def _bounded(sign: str) -> re.Pattern[str]:
    """Letters are a sign only where no other letters stand beside them."""
    start = r"(?<![a-z])" if LETTER.match(sign[0]) else ""
    end = r"(?![a-z])" if LETTER.match(sign[-1]) else ""
    return re.compile(start + re.escape(sign) + end)


def _sign_at_end(text: str) -> tuple[str, tuple[str, ...]] | None:
    for size in range(min(LONGEST, len(text)), 0, -1):
        sign = text[-size:]
        codes = _codes(sign)
        if codes and _bounded(sign).search(text, len(text) - size):
            return sign, codes
    return None


def _sign_at_start(text: str) -> tuple[str, tuple[str, ...]] | None:
    for size in range(min(LONGEST, len(text)), 0, -1):
        sign = text[:size]
        codes = _codes(sign)
        if codes and _bounded(sign).match(text):
            return sign, codes
    return None


def _codes(sign: str) -> tuple[str, ...]:
    if sign in SIGNS:
        return SIGNS[sign]
    return (sign.upper(),) if sign.upper() in CODES else ()


CODES: Final = frozenset(code for codes in SIGNS.values() for code in codes)
"""The codes that are told from other words of three letters beside a number."""
