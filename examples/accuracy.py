"""Measure how often the answers for examples/tickets.csv were right, per language.

What to learn from it:

- Results are read from the view `fct_results`, one row per job in any state, never from the
  queue's tables. The view is the same on SQLite and PostgreSQL.
- `label` is NULL unless the job is done; a row waiting in `review` has no answer to count.
- Columns named in the spec's `keep` come back in `attributes` as JSON, so the right answer
  (`expected`) and the group (`language`) travel with each row and no join by position is needed.
- A file can be run many times; take one batch, here the latest, or rows count double.

Run it after `sekisho run examples/tickets.csv --spec examples/tickets.toml`:

    python examples/accuracy.py [--db sekisho.db]
"""

import argparse
import json
import locale
import os
import sqlite3
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SPEC_NAME: Final = "tickets"

LATEST_BATCH: Final = """
    SELECT batch_id FROM fct_results WHERE spec_name = ?
    GROUP BY batch_id ORDER BY max(created_at) DESC, batch_id DESC LIMIT 1
"""
ANSWERS: Final = """
    SELECT label, confidence, attributes FROM fct_results
    WHERE spec_name = ? AND batch_id = ? ORDER BY row_number
"""

HEADERS: Final = {
    "en": ("language", "rows", "answered", "right", "accuracy", "mean confidence"),
    "ja": ("言語", "行数", "回答", "正解", "正解率", "平均確信度"),
}
WORDS: Final = {
    "en": {
        "batch": "Batch {batch}, spec {spec}",
        "total": "total",
        "note": "SmolLM2-135M is a tiny model: this shows the machinery, not the quality.",
        "no_database": "No database at {path}; run the tickets first or name one with --db.",
        "no_view": "{path} is no Sekisho database: the view fct_results cannot be read ({why}).",
        "no_batch": "{path} has no batch of the spec {spec}; run examples/tickets.toml first.",
    },
    "ja": {
        "batch": "バッチ {batch}、spec {spec}",
        "total": "合計",
        "note": "SmolLM2-135M はとても小さなモデルです。品質ではなく、仕組みを示すための例です。",
        "no_database": "データベース {path} がありません。"
        "先に実行するか、--db で指定してください。",
        "no_view": "{path} は Sekisho のデータベースではありません。"
        "fct_results を読めません（{why}）。",
        "no_batch": "{path} に spec {spec} のバッチがありません。"
        "先に examples/tickets.toml を実行してください。",
    },
}


class NothingToMeasureError(Exception):
    """The database, the view or the batch is missing; carries the words' key and parameters."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


@dataclass(frozen=True)
class Answer:
    """One row of the batch: the label it got (None: no answer yet) and the right one."""

    language: str
    expected: str
    label: str | None
    confidence: float | None


def choose_language() -> str:
    """Return "ja" or "en" from SEKISHO_LANG, else from the locale."""
    names = ("SEKISHO_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next((os.environ[name] for name in names if os.environ.get(name)), None)
    wanted = wanted or locale.getlocale()[0] or "en"
    return "ja" if wanted.lower().startswith("ja") else "en"


def read_latest_batch(path: Path) -> tuple[str, list[Answer]]:
    """Return the latest batch's id and its rows; the database is opened for reading only."""
    if not path.is_file():
        raise NothingToMeasureError("no_database", path=path)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            latest = database.execute(LATEST_BATCH, (SPEC_NAME,)).fetchone()
            if latest is None:
                raise NothingToMeasureError("no_batch", path=path, spec=SPEC_NAME)
            rows = database.execute(ANSWERS, (SPEC_NAME, latest[0])).fetchall()
    except sqlite3.DatabaseError as error:
        raise NothingToMeasureError("no_view", path=path, why=error) from error
    return str(latest[0]), [read_answer(*row) for row in rows]


def read_answer(label: str | None, confidence: float | None, attributes: str) -> Answer:
    """Turn one row of the view into an answer; the gold label stands in its attributes."""
    kept: dict[str, str] = json.loads(attributes)
    return Answer(kept["language"], kept["expected"], label, confidence)


def measure(name: str, answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return one line of the table; accuracy is right / answered, "-" where nothing was."""
    answered = [answer for answer in answers if answer.label is not None]
    right = sum(answer.label == answer.expected for answer in answered)
    sure = [answer.confidence for answer in answered if answer.confidence is not None]
    return (
        name,
        str(len(answers)),
        str(len(answered)),
        str(right),
        f"{right / len(answered):.1%}" if answered else "-",
        f"{sum(sure) / len(sure):.3f}" if sure else "-",
    )


def width(text: str) -> int:
    """Count terminal columns; Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "FW" else 1 for letter in text)


def draw(table: Sequence[Sequence[str]]) -> str:
    """Line the columns up: the first to the left, the numbers to the right."""
    columns = [max(width(cell) for cell in column) for column in zip(*table, strict=True)]
    lines = []
    for first, *numbers in table:
        cells = [first + " " * (columns[0] - width(first))]
        for cell, room in zip(numbers, columns[1:], strict=True):
            cells.append(" " * (room - width(cell)) + cell)
        lines.append("  ".join(cells))
    return "\n".join(lines)


def main() -> int:
    """Print the table of the latest batch; 0, or 2 when there is nothing to measure."""
    parser = argparse.ArgumentParser(description="Accuracy of the tickets example, by language.")
    parser.add_argument("--db", type=Path, default=Path("sekisho.db"), help="SQLite file")
    options = parser.parse_args()
    language = choose_language()
    words = WORDS[language]
    try:
        batch, answers = read_latest_batch(options.db)
    except NothingToMeasureError as error:
        print(words[error.key].format(**error.params), file=sys.stderr)
        return 2
    table: list[tuple[str, ...]] = [HEADERS[language]]
    for group in sorted({answer.language for answer in answers}):
        table.append(measure(group, [answer for answer in answers if answer.language == group]))
    table.append(measure(words["total"], answers))
    print(words["batch"].format(batch=batch, spec=SPEC_NAME))
    print(draw(table))
    print(words["note"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
