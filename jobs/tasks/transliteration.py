"""Whether a name in Latin letters may be what a text spells in katakana, by its consonants.

Vowels are spelled too freely to compare (Kavanaugh: カバノー, カヴァノー). Consonants are classes
of sounds that katakana writes alike; r behind a vowel, h and w may be silent.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

KATAKANA_RUN: Final = re.compile(r"[\u30a1-\u30fa\u30fc]+(?:[・=＝゠ -][\u30a1-\u30fa\u30fc]+)*")
KATAKANA_WORD: Final = re.compile(r"[\u30a1-\u30fa\u30fc]+")
ROWS: Final = {
    "K": "カキクケコガギグゲゴヵヶ", "S": "サシスセソザズゼゾ", "N": "ナニヌネノマミムメモン",
    "P": "バビブベボパピプペポヴ", "R": "ラリルレロ", "H": "ハヒヘホ", "T": "タテトダデド",
    "ST": "チツジヂヅ", "HP": "フ",
}  # fmt: skip
SOUNDS: Final = {kana: frozenset(row) for row, all_kana in ROWS.items() for kana in all_kana}
"""The classes of sounds of a katakana's consonant; vowels, ワ and ヤ have none."""
SPELLINGS: Final = (
    ("tch", "ST"), ("sch", "SK"), ("ch", "STKH"), ("sh", "S"), ("th", "TS"), ("ph", "HP"),
    ("gh", "?KHP"), ("ck", "K"), ("ng", "N|?KST"), ("qu", "K"), ("wh", "?H"), ("x", "K|S"),
    ("ts", "ST"), ("tz", "ST"), ("dg", "ST"), ("b", "P"), ("c", "KS"), ("d", "T"), ("f", "HP"),
    ("g", "KST"), ("h", "?HK"), ("j", "STH"), ("k", "K"), ("l", "R"), ("m", "N"), ("n", "N"),
    ("p", "P"), ("q", "K"), ("r", "?R"), ("s", "S"), ("t", "ST"), ("v", "PH"), ("w", "?P"),
    ("z", "ST"),
)  # fmt: skip
"""What letters may sound like; "?" may be silent, "|" parts two sounds. The longest come first."""
SILENT_COST: Final = 0.1
SILENT_ENDS: Final = frozenset("dstx")
"""Letters that names from French do not sound at their end."""
EXTRA_COST: Final = 0.7
"""What a sound costs that katakana has and a name has not."""
CLEARLY: Final = 0.3
EXACT: Final = 0.1
FEW_SOUNDS: Final = 2
TOLERANCE: Final = 0.3
"""The most that may be wrong for each sound of a name."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A consonant of a name: what it may be, and whether it may be silent."""

    classes: frozenset[str]
    silent: bool = False


def may_spell(name: str, text: str, others: Collection[str] = ()) -> bool | None:
    """Whether a text has katakana that may spell a name; None for a name without consonants.

    Katakana that spells one of the `others`, words beside the name, better is not the name's. A
    name of few consonants has to begin or end where a word does: some word has them by chance.
    """
    sounds = _sounds(name)
    needed = sum(not sound.silent for sound in sounds)
    if not needed:
        return None
    for word in dict.fromkeys(KATAKANA_WORD.findall(text)):
        kana = _kana_sounds(word)
        if not _fits(sounds, kana, TOLERANCE * needed, inside=needed > FEW_SOUNDS):
            continue
        own = _costs(sounds, kana, begins=True)[-1]
        if not any(_spells(other, kana, own) for other in others):
            return True
    return False


def _fits(
    name: Sequence[Sound], kana: Sequence[frozenset[str]], limit: float, *, inside: bool
) -> bool:
    costs = _costs(name, kana)
    if inside:
        return min(costs) <= limit
    return costs[-1] <= limit or min(_costs(name, kana, begins=True)) <= limit


def _spells(word: str, kana: Sequence[frozenset[str]], least: float) -> bool:
    """Whether a word is the whole of a stretch, with fewer errors than another has."""
    sounds = _sounds(word)
    if sum(not sound.silent for sound in sounds) < FEW_SOUNDS:
        return False
    cost = _costs(sounds, kana, begins=True)[-1]
    return cost <= EXACT * len(kana) and cost < least - CLEARLY


@lru_cache(maxsize=4096)
def _sounds(name: str) -> tuple[Sound, ...]:
    plain = unicodedata.normalize("NFD", name.casefold())
    letters = "".join(one for one in plain if "a" <= one <= "z")
    letters = re.sub(r"(.)\1", r"\1", letters)
    found: list[Sound] = []
    at = 0
    while at < len(letters):
        spelled = next((one for one in SPELLINGS if letters.startswith(one[0], at)), None)
        if spelled is None:
            at += 1
            continue
        for part in spelled[1].split("|"):
            last = at > 1 and letters[at:] in SILENT_ENDS and letters[at - 1] in "aeiour"
            silent = last or (part.startswith("?") and at > 0)
            found.append(Sound(frozenset(part.lstrip("?")), silent))
        at += len(spelled[0])
    return tuple(found)


def _kana_sounds(run: str) -> list[frozenset[str]]:
    return [SOUNDS[kana] for kana in run if kana in SOUNDS]


def _costs(
    name: Sequence[Sound], kana: Sequence[frozenset[str]], *, begins: bool = False
) -> list[float]:
    """Return the least number of errors of a name that ends before each sound of a stretch.

    With `begins` it has to begin where the stretch does.
    """
    row = [at * EXTRA_COST if begins else 0.0 for at in range(len(kana) + 1)]
    for sound in name:
        skip = SILENT_COST if sound.silent else 1.0
        below = [row[0] + skip]
        for at, heard in enumerate(kana):
            wrong = 0.0 if sound.classes & heard else 1.0
            below.append(min(row[at] + wrong, row[at + 1] + skip, below[at] + EXTRA_COST))
        row = below
    return row
