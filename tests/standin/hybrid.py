"""`python -m tests.standin.hybrid`: the whole system on the examples, against a SIMULATED cloud.

The four example specs run as they stand, but with a gate and a cloud behind it, on the real local
model. The cloud is the stand-in: its answers are the examples' own right answers where there are
any. Exit status 0 only if our ledger and the stand-in's invoice are the same nano-dollar.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from sqlalchemy import text

from jobs.job import ReservationStatus
from jobs.store import Database, open_database
from jobs.words import choose_language
from tests.standin.running import KEY

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLES: Final = ROOT / "examples"
MAIN: Final = "from workers.cli import main; main()"
CLOUD: Final = "claude-haiku-5-5"
RAN: Final = (0, 1)
"""Exit status 1 says that rows wait in review, which is an ordinary end here."""
WORDS: Final = {
    "en": {
        "simulated": "SIMULATED CLOUD: every cloud answer here comes from a stand-in on this"
        " machine. Nothing was sent out, nothing was charged.",
        "running": "running {task}: {rows} rows",
        "head": ("task", "rows", "kept locally", "escalated", "answered by the cloud", "review"),
        "ledger": "ledger (settled)",
        "maybe": "maybe paid",
        "invoice": "stand-in's invoice",
        "equal": "the ledger equals the invoice to the nano-USD",
        "unequal": "THE LEDGER DIFFERS FROM THE INVOICE",
        "failed": "sekisho run ended with status {status} for {task}",
        "sent": "sent to the simulated cloud: {rows} rows in {requests} requests",
    },
    "ja": {
        "simulated": "これは模擬クラウドです。答えはすべて、この機械で動く代役が作りました。"
        "外には何も送らず、料金もかかっていません。",
        "running": "{task} を実行中：{rows} 行",
        "head": ("仕事", "行数", "手元で採用", "上に回した", "模擬クラウドが回答", "要確認"),
        "ledger": "台帳（確定額）",
        "maybe": "支払ったかもしれない額",
        "invoice": "代役の請求額",
        "equal": "台帳と請求額は 1 nano-USD まで一致しました",
        "unequal": "台帳と請求額が一致しません",
        "failed": "{task} の sekisho run が終了コード {status} で終わりました",
        "sent": "模擬クラウドに送ったもの：{rows} 行、{requests} 回",
    },
}
COUNTS: Final = """
    SELECT count(*) AS rows_read,
        sum(CASE WHEN j.status = 'done' AND a.kind <> 'cloud' THEN 1 ELSE 0 END) AS kept,
        sum(CASE WHEN EXISTS (SELECT 1 FROM attempts e WHERE e.job_id = j.job_id
            AND e.kind = 'local' AND e.verdict = 'escalate') THEN 1 ELSE 0 END) AS escalated,
        sum(CASE WHEN j.status = 'done' AND a.kind = 'cloud' THEN 1 ELSE 0 END) AS answered,
        sum(CASE WHEN j.status = 'review' THEN 1 ELSE 0 END) AS review
    FROM jobs j LEFT JOIN attempts a ON a.attempt_id = j.attempt_id WHERE j.batch_id = :batch_id"""
LEDGER: Final = """
    SELECT coalesce(sum(settled_nano_usd), 0) AS settled,
        coalesce(sum(CASE WHEN r.status = :maybe_paid THEN reserved_nano_usd ELSE 0 END), 0)
            AS maybe,
        count(DISTINCT q.job_id) AS sent
    FROM reservations r JOIN cloud_requests q ON q.request_id = r.request_id"""


@dataclass(frozen=True, slots=True)
class Example:
    """One of the example specs, its rows, and from where on an answer is sure enough."""

    task: str
    spec: str
    rows: str
    text: str
    threshold: float
    limit: int | None = None


ROUTES: Final = (
    Example("classify", "tickets.toml", "tickets.csv", "message", 0.6, limit=40),
    Example("extract", "invoices.toml", "invoices.csv", "text", 0.8),
    Example("translate", "translate.toml", "reviews_en.csv", "text", 0.5),
    Example("summarize", "summarize.toml", "minutes.csv", "text", 0.5),
)


def main() -> None:
    """Run all four, print what became of the rows and of the money."""
    words = WORDS[choose_language(os.environ)]
    say(words["simulated"])
    with tempfile.TemporaryDirectory(prefix="sekisho-hybrid-") as name:
        folder = Path(name)
        oracle: dict[str, Any] = {}
        for example in ROUTES:
            write_variant(example, folder)
            oracle |= write_rows(example, folder)
        with standing_in(folder, oracle) as url:
            lines = [run_example(example, folder, url, words) for example in ROUTES]
            invoice = httpx2.get(f"{url}/invoice").json()
        equal = show(folder, words, lines, invoice)
    say(words["simulated"])
    sys.exit(0 if equal else 1)


def say(line: Any) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)  # noqa: T201 - a program that prints


def write_variant(example: Example, folder: Path) -> None:
    """Write the example's spec with a cloud, a gate, a class that may leave, and a budget."""
    changed = (EXAMPLES / example.spec).read_text("utf-8")
    for old, new in (
        ('cloud = "none"', f'cloud = "{CLOUD}"'),
        ('mode = "keep_all"', f'mode = "threshold"\nthreshold = {example.threshold}'),
        ('data_class = "local_only"', 'data_class = "open"\nbudget_usd = 1'),
    ):
        if changed.count(f"\n{old}\n") != 1:
            raise ValueError(f"{example.spec}: not one line {old}")
        changed = changed.replace(f"\n{old}\n", f"\n{new}\n")
    (folder / example.spec).write_text(changed, "utf-8")


def write_rows(example: Example, folder: Path) -> dict[str, Any]:
    """Copy the example's first rows; return text -> the answer the stand-in is to give."""
    with (EXAMPLES / example.rows).open(encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        rows = list(reader)[: example.limit]
        columns = list(reader.fieldnames or ())
    with (folder / example.rows).open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, columns)
        writer.writeheader()
        writer.writerows(rows)
    return {row[example.text]: make_answer(example, row) for row in rows}


def make_answer(example: Example, row: Mapping[str, str]) -> Any:
    """Return the right answer of a row; for a summary, its beginning."""
    if example.task == "classify":
        return {"label": row["expected"]}
    if example.task == "extract":
        return json.loads(row["expected"])
    if example.task == "translate":
        return {"text": row["expected"]}
    end = "。" if "。" in row[example.text] else ". "
    first = row[example.text].split(end)[:2]
    return {"points": [f"{sentence}{end}".strip() for sentence in first]}


@contextmanager
def standing_in(folder: Path, oracle: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URL of a stand-in that runs as a process of its own."""
    script = folder / "script.json"
    script.write_text(json.dumps({"oracle": oracle, "key": KEY}), "utf-8")
    command = [sys.executable, "-m", "tests.standin", "--script", f"@{script}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def run_example(
    example: Example, folder: Path, url: str, words: Mapping[str, Any]
) -> tuple[str, ...]:
    """Run one spec as a user does; return the line of the table."""
    with (folder / example.rows).open(encoding="utf-8", newline="") as source:
        rows = sum(1 for _ in csv.DictReader(source))
    say(words["running"].format(task=example.task, rows=rows))
    run = subprocess.run(
        [
            *(sys.executable, "-c", MAIN, "run", str(folder / example.rows)),
            *("--spec", str(folder / example.spec), "--json"),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SEKISHO_DATABASE_URL": database_url(folder),
            "SEKISHO_REDIS_URL": "",
            "SEKISHO_CONFIG": "",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": KEY,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.returncode not in RAN:
        sys.exit(words["failed"].format(status=run.returncode, task=example.task))
    batch_id = json.loads(run.stdout)["batch_id"]
    with opened(folder) as database, database.read() as connection:
        counts = connection.execute(text(COUNTS), {"batch_id": batch_id}).one()
    return (example.task, *(str(count) for count in counts))


def database_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'hybrid.db'}"


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    """Open the run's database for the block."""
    database = open_database(database_url(folder))
    try:
        yield database
    finally:
        database.close()


def show(
    folder: Path,
    words: Mapping[str, Any],
    lines: list[tuple[str, ...]],
    invoice: Mapping[str, Any],
) -> bool:
    """Print the table and the money; say whether ledger and invoice are equal."""
    with opened(folder) as database, database.read() as connection:
        book = connection.execute(
            text(LEDGER), {"maybe_paid": ReservationStatus.MAYBE_PAID.value}
        ).one()
    say("")
    for line in (words["head"], *lines):
        say(" | ".join(line))
    say("")
    say(words["sent"].format(rows=book.sent, requests=invoice["requests"]))
    money = {"ledger": book.settled, "maybe": book.maybe, "invoice": invoice["total_nano_usd"]}
    for name, amount in money.items():
        say(f"{words[name]}: {amount} nano-USD")
    equal: bool = book.settled == invoice["total_nano_usd"] and book.maybe == 0
    say(words["equal" if equal else "unequal"])
    return equal


if __name__ == "__main__":
    main()
