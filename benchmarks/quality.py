"""Quality: every task in both languages on labelled data, one table for README.

`make eval` runs it. The data is not part of the project: it is looked for beside it
(../shared/data, or --data), and without it nothing is measured and the exit status is 0. Specs
and evenly drawn rows of each file are written to a temporary folder, `sekisho evaluate` does the
rest. The exit status is 1 if a row was lost or an extraction does not have its fields' types.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
SEKISHO: Final = (sys.executable, "-c", "from workers.cli import main; main()")
MODEL: Final = "smollm2-135m"
ROWS: Final = 60
Record = Mapping[str, Any]
HEAD: Final = (
    "task", "language", "file", "rows", "answered", "checks passed", "figures (95% interval)",
    "kept at 90 / 95 / 99%", "ECE", "rows/s",
)  # fmt: skip
NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class Case:
    """A file of the data: how its spec begins, which rows it takes, and what share of them.

    `task` makes the [task] table of a spec from the rows; `dear` cases take a fraction of the
    rows, since writing takes longer than choosing.
    """

    file: str
    language: str
    gold: str
    task: Callable[[Sequence[Record]], str]
    take: Mapping[str, str]
    share: float = 1.0
    options: tuple[str, ...] = ()


def quote(text: str) -> str:
    """Return a text as a TOML string."""
    return json.dumps(text, ensure_ascii=False)


def classify(rows: Sequence[Record], instruction: str = "", other: str | None = None) -> str:
    """A choice among the labels that the file has; `other` is the one that means none of them."""
    labels = sorted({str(row["label"]) for row in rows} - {other})
    lines = ['kind = "classify"', f"labels = [{', '.join(map(quote, labels))}]"]
    if instruction:
        lines.append(f"instruction = {quote(instruction)}")
    return "\n".join([*lines, *(["other = true"] if other else [])])


def extract(fields: Sequence[str], *, lists: bool) -> Callable[[Sequence[Record]], str]:
    """The fields that the file has; a text may be silent about each."""

    def make(_: Sequence[Record]) -> str:
        parts = ['kind = "extract"', 'long_input = "split"']
        for name in fields:
            parts.append(f"[task.fields.{quote(name)}]")
            kind = ['type = "list"', 'items = "string"'] if lists else ['type = "string"']
            parts += [*kind, "required = false"]
        return "\n".join(parts)

    return make


def translate(target: str) -> Callable[[Sequence[Record]], str]:
    """Into one language."""
    return lambda _: f'kind = "translate"\ntarget_language = "{target}"'


def summarize(language: str, sentences: int) -> Callable[[Sequence[Record]], str]:
    """A few sentences in the text's own language."""
    return lambda _: (
        f'kind = "summarize"\nlanguage = "{language}"\nmax_sentences = {sentences}\n'
        'long_input = "split"'
    )


POLARITY: Final = "次の文は会社の業績をどう述べていますか。"
CASES: Final = (
    Case("cls_en_banking77_dev.csv", "en", "label", classify, {}, 0.5),
    Case(
        "cls_en_clinc150_dev.csv", "en", "label",
        lambda rows: classify(rows, other="oos"), {}, 0.5, ("--gold-other", "oos"),
    ),
    Case("cls_ja_chabsa_polarity_dev.csv", "ja", "label", lambda r: classify(r, POLARITY), {}),
    Case("cls_ja_jnli_dev.csv", "ja", "label", classify, {}),
    Case("cls_ja_asdc_dialog_act_dev.csv", "ja", "label", classify, {}),
    Case(
        "ext_en_restaurant8k_dev.jsonl", "en", "fields",
        extract(("date", "first_name", "last_name", "people", "time"), lists=False), {}, 0.5,
    ),
    Case(
        "ext_en_wnut17_ner_dev.jsonl", "en", "fields",
        extract(("person", "location", "corporation", "group", "product", "creative-work"),
                lists=True), {}, 0.15,
    ),
    Case(
        "ext_ja_wikipedia_ner_dev.jsonl", "ja", "fields",
        extract(("人名", "法人名", "政治的組織名", "その他の組織名", "地名", "施設名", "製品名",
                 "イベント名"), lists=True), {}, 0.15,
    ),
    Case("tra_en_ja_de_ntrex_news_dev.jsonl", "en > ja", "target", translate("ja"),
         {"target_lang": "ja"}, 0.35),
    Case("tra_en_ja_de_ntrex_news_dev.jsonl", "en > de", "target", translate("de"),
         {"target_lang": "de"}, 0.35),
    Case("tra_enja_ami_meetings_dev.jsonl", "ja > en", "target", translate("en"),
         {"target_lang": "en"}, 0.35),
    Case("sum_en_mts_dialog_dev.jsonl", "en", "target", summarize("en", 3), {}, 0.25),
    Case("sum_ja_asdc_dialogue_dev.jsonl", "ja", "target", summarize("ja", 5), {}, 0.1),
)  # fmt: skip


def read_rows(path: Path) -> list[Record]:
    """Return the records of a CSV or JSONL file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def draw(rows: Sequence[Record], count: int) -> list[Record]:
    """Return so many rows, evenly from the first to the last."""
    step = max(len(rows) / count, 1)
    return [rows[int(number * step)] for number in range(min(count, len(rows)))]


@dataclass(frozen=True, slots=True)
class Sums:
    """What is asserted over all cases."""

    lost: int = 0
    records: int = 0
    valid: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """Where a case works: a temporary folder, the model, and how many rows at most."""

    folder: Path
    model: str
    rows: int


def measure(case: Case, data: Path, number: int, room: Room) -> tuple[list[str], Sums]:
    """Run one case; return its line of the table and what is to be asserted."""
    rows = [
        row
        for row in read_rows(data / case.file)
        if all(row.get(name) == value for name, value in case.take.items())
    ]
    drawn = draw(rows, max(round(room.rows * case.share), 5))
    file = room.folder / f"{number}-{Path(case.file).stem}.jsonl"
    lines = (json.dumps(row, ensure_ascii=False) for row in drawn)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    spec = room.folder / f"{number}.toml"
    head = f'name = "quality-{number}"\n[input]\nid = "id"\ntext = "text"\n'
    route = f"[route]\ntiers = [{quote(room.model)}]\n"
    spec.write_text(f"{head}{route}[task]\n{case.task(rows)}\n", encoding="utf-8")
    told = run(room.folder, "evaluate", file, "--spec", spec, "--gold", case.gold, *case.options)
    metrics = told["metrics"]
    sums = Sums(lost=metrics["cost"]["lost"] + abs(len(drawn) - count_records(metrics)))
    if metrics["task"] == "extract":
        shape = extract_shape(case.task(rows))
        sums = check_records(room.folder, told["batch_id"], shape, sums.lost)
    return describe(case, metrics), sums


def count_records(metrics: Mapping[str, Any]) -> int:
    """Return how many records of the file came to an end of any kind."""
    return int(metrics["cost"]["rows"] + metrics["cost"]["rejected"])


def run(folder: Path, command: str, *arguments: object) -> Any:
    """Run a command of Sekisho on a database of this measurement alone."""
    database = f"sqlite:///{folder / 'quality.db'}"
    called = subprocess.run(
        [*SEKISHO, command, *map(str, arguments), "--db", database, "--json"],
        stdout=subprocess.PIPE,
        env={**os.environ, "SEKISHO_LANG": "en"},
        check=False,
    )
    told: Any = json.loads(called.stdout or b"{}")
    if called.returncode > 1 or "error" in told:
        sys.exit(f"sekisho {command} failed: {told.get('error', called.returncode)}")
    return told


def extract_shape(task: str) -> dict[str, bool]:
    """Return the fields of a [task] table, and whether each is a list."""
    shape: dict[str, bool] = {}
    for line in task.splitlines():
        if line.startswith("[task.fields."):
            name = json.loads(line.removeprefix("[task.fields.").removesuffix("]"))
            shape[name] = False
        elif line == 'type = "list"':
            shape[name] = True
    return shape


def check_records(folder: Path, batch: str, shape: Mapping[str, bool], lost: int) -> Sums:
    """Compare every record that was answered with the fields and types that were asked for."""
    out = folder / f"{batch}.jsonl"
    run(folder, "results", batch, "--out", out)
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    answers = [one.get("output") or one.get("suggested_output") for one in records]
    said = [one for one in answers if one is not None]
    valid = sum(is_valid(one, shape) for one in said)
    return Sums(lost, len(said), valid)


def is_valid(record: Any, shape: Mapping[str, bool]) -> bool:
    """Whether a record has these fields, each a string or null, or a list of strings."""
    if not isinstance(record, dict) or set(record) != set(shape):
        return False
    return all(
        isinstance(value, list) and all(isinstance(one, str) for one in value)
        if shape[name]
        else value is None or isinstance(value, str)
        for name, value in record.items()
    )


def describe(case: Case, metrics: Mapping[str, Any]) -> list[str]:
    """Return a line of the table; figures from 0 to 100."""
    figures = [
        f"{name.replace('_', ' ')} {show(one['value'])}" + show_interval(one)
        for name, one in metrics["figures"].items()
        if name not in ("row_fields", "good_rows", "chrf")
    ]
    calibration, cost = metrics["calibration"], metrics["cost"]
    rate = cost["rows_per_device_second"]
    return [
        metrics["task"],
        case.language,
        case.file,
        str(metrics["rows"]),
        str(metrics["answered"]),
        str(metrics["kept"]),
        ", ".join(figures),
        " / ".join(show(one["share"]) for one in calibration["coverages"]),
        show(calibration["ece"]),
        NOTHING if rate is None else f"{rate:.2f}",
    ]


def show(value: float | None) -> str:
    """Return a value from 0 to 1 as 0 to 100."""
    return NOTHING if value is None else f"{100 * value:.1f}"


def show_interval(figure: Mapping[str, float | None]) -> str:
    """Return the ends of a figure's interval."""
    low, high = figure["low"], figure["high"]
    return "" if low is None or high is None else f" ({show(low)}-{show(high)})"


def draw_table(lines: Sequence[Sequence[str]]) -> str:
    """Return a markdown table."""
    table = [HEAD, ["---"] * len(HEAD), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def main() -> int:
    """Measure the cases; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the labelled data")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of a cheap case, at most")
    parser.add_argument("--model", default=MODEL, help="model to measure")
    parser.add_argument("--only", default="", help="only files whose name holds this")
    options = parser.parse_args()
    cases = [case for case in CASES if options.only in case.file]
    if not all((options.data / case.file).is_file() for case in cases):
        print(f"There is no labelled data in {options.data}: nothing was measured.")
        return 0
    lines: list[list[str]] = []
    sums: list[Sums] = []
    with tempfile.TemporaryDirectory(prefix="sekisho-quality-") as folder:
        room = Room(Path(folder), options.model, options.rows)
        for number, case in enumerate(cases, 1):
            line, found = measure(case, options.data, number, room)
            print("  ".join(line), file=sys.stderr, flush=True)
            lines.append(line)
            sums.append(found)
    return tell(options.model, lines, sums)


def tell(model: str, lines: Sequence[Sequence[str]], sums: Sequence[Sums]) -> int:
    """Print the table and what must hold; return 1 if it does not."""
    records, valid = sum(one.records for one in sums), sum(one.valid for one in sums)
    lost = sum(one.lost for one in sums)
    print(f"Model {model}, {datetime.now(UTC):%Y-%m-%d}. Figures are 0 to 100.\n")
    print(draw_table(lines))
    share = NOTHING if not records else f"{100 * valid / records:.1f}%"
    print(f"\nextract outputs valid for their schema: {share} ({valid} of {records})")
    print(f"rows lost: {lost}")
    return 1 if lost or valid < records else 0


if __name__ == "__main__":
    sys.exit(main())
