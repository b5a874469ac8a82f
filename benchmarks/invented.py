"""Writes files of any size: invented messages in English and Japanese, the same every time."""

import csv
from collections.abc import Iterator
from itertools import cycle, islice, product
from pathlib import Path
from random import Random
from typing import Final, Literal

Ids = Literal["ascending", "scattered"]
HEADER: Final = ("id", "text", "store", "received_on")
ODD: Final = 2_654_435_761  # times any number modulo 2**32 each number comes once
STORES: Final = ("Hakata", "名古屋", "Leeds", "札幌", "Porto", "横浜, 西口")
OPENINGS: Final = (
    "The lamp I bought",
    'A parcel marked "fragile"',
    "My second order, the blue one,",
    "注文した湯のみ",
    "先週届いた「北の机」",
    "The kettle from your shop",
)
MIDDLES: Final = (
    "came with a crack along its side",
    "still works, and I like it",
    "is not what the page shows",
    "の角がへこんでいて、箱も濡れていました",
    "はとても気に入っています",
    "の色が写真と違います",
)
ENDINGS: Final = (
    "; please tell me what to do.",
    ", so I would like my money back.",
    ". Thank you!",
    "。交換をお願いします。",
    "。また買います。",
    '. The note said "ask us", so I ask.',
)


def write_rows(path: Path, rows: int, ids: Ids = "ascending") -> None:
    """Write a CSV file whose ids stand in their order, or scattered over all they could be."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(islice(_invent(ids), rows))


def _invent(ids: Ids) -> Iterator[tuple[str, str, str, str]]:
    texts = [f"{one} {two}{three}" for one, two, three in product(OPENINGS, MIDDLES, ENDINGS)]
    Random(5).shuffle(texts)  # noqa: S311 - not a secret
    for number, (text, store) in enumerate(zip(cycle(texts), cycle(STORES), strict=False), 1):
        name = f"c{number:08d}" if ids == "ascending" else f"c{number * ODD % 2**32:08x}"
        yield (
            name,
            f"{text} (no. {number})",
            store,
            f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        )
