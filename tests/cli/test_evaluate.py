"""`evaluate`: figures, findings, comparisons, refusals; end to end with the stub engine."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jobs import submit
from jobs.evaluate import mark_spec
from jobs.spec import read_spec
from jobs.store import batches, chunks
from tests.cli.conftest import CONFIG, Call, count_batches
from tests.conftest import opened
from tests.store.filled import labelled
from tests.store.making import WORKER, all_hints, claim

KNOWN = (
    "id,text,gold,language\n"
    "r1,where is it,delivery,en\nr2,money back,refund,en\nr3,どこ,delivery,ja\n"
)
EVALUATE = ("evaluate", "known.csv", "--spec", "spec.toml", "--gold", "gold")
SEKISHO = (sys.executable, "-c", "from workers.cli import main; main()")
SECONDS = 120


@pytest.fixture
def known(folder: Path) -> Path:
    """A file whose right answers are known, and a second model."""
    (folder / "known.csv").write_text(KNOWN, encoding="utf-8")
    (folder / "sekisho.toml").write_text(f'{CONFIG}[models.second]\nengine = "stub"\n')
    return folder


def answer_with(label: str, model: str | None = None, gold: str = "gold") -> None:
    """Answer the evaluation's batch in SQL with one label, as if a worker had done it."""
    spec = mark_spec(read_spec(Path("spec.toml")), gold, ("language",), model=model)
    handed = submit.hand_in(Path("known.csv"), spec)
    with opened("sqlite:///sekisho.db") as database:
        submit.submit(database, handed, language="en", wait=threading.Event().wait)
        worker = replace(WORKER, model_name=model or WORKER.model_name)
        for hint in all_hints(database):
            lease = claim(database, hint, worker)
            chunks.commit(database, lease, [labelled(job, label) for job in lease.jobs])
        batches.close_finished(database)


@pytest.fixture
def measured(call: Call, known: Path) -> Path:
    """The database of a folder in which two models were measured: the second is always right."""
    call("db", "upgrade")
    answer_with("refund")
    answer_with("delivery", "second")
    return known


def test_figures_as_data(call: Call, measured: Path) -> None:
    """One of three is right; the figures are saved once, however often they are asked for."""
    told = call(*EVALUATE, "--json")
    assert told.status == 0
    metrics = told.data["metrics"]
    assert metrics["figures"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert (metrics["rows"], metrics["cost"]["lost"]) == (3, 0)
    assert [(one["column"], one["value"]) for one in metrics["groups"]] == [
        ("language", "en"),
        ("language", "ja"),
    ]
    assert told.data["evaluation_id"] == call(*EVALUATE, "--json").data["evaluation_id"]
    assert len(told.data["prompt_hash"]) == 64
    assert count_batches(measured) == 2


def test_figures_in_words(call: Call, measured: Path) -> None:
    """A table on stdout, a page beside it."""
    told = call(*EVALUATE, "--html", "page.html")
    assert told.status == 0
    assert "accuracy  33.3" in told.out
    assert "where is it" not in told.out
    assert (measured / "page.html").read_text().startswith("<!DOCTYPE html>")


def test_two_models_are_compared(call: Call, measured: Path) -> None:
    """Those given, the last two of the file, or two by their numbers."""
    both = call(*EVALUATE, "--model", "stub", "--model", "second", "--compare", "--json")
    assert both.status == 0
    (found,) = both.data["comparisons"]
    assert (found["left"]["model_name"], found["right"]["model_name"]) == ("stub", "second")
    assert (found["rows"], found["only_left_right"], found["only_right_right"]) == (3, 1, 2)
    last = call(*EVALUATE, "--compare", "--json").data["comparisons"][0]
    assert (last["left"]["model_name"], last["right"]["model_name"]) == ("second", "stub")
    ids = [found[side]["evaluation_id"] for side in ("left", "right")]
    again = call("evaluate", "--compare", "--id", ids[0], "--id", ids[1], "--html", "two.html")
    assert again.status == 0
    assert "3 rows both have" in again.out
    assert (measured / "two.html").exists()


def test_the_users_own_views_stay_as_they_are(call: Call, measured: Path) -> None:
    """The latest result of the spec's rows is that of its own runs; evaluations are marked."""
    call("submit", "known.csv", "--spec", "spec.toml")
    with closing(sqlite3.connect(measured / "sekisho.db")) as connection:
        query = "SELECT spec_name, count(*), min(tags) FROM fct_results_latest GROUP BY 1"
        assert connection.execute(query).fetchall() == [
            ("evaluate: small", 3, '{"sekisho":"evaluation"}'),
            ("small", 3, "{}"),
        ]


def test_wrong_gold_values_are_named(call: Call, measured: Path) -> None:
    """On stderr by record and id; the exit status says that there is something to look at."""
    text = KNOWN.replace("r2,money back,refund", "r2\x1b[31m,money back,").replace(
        "r3,どこ,delivery", "r3,どこ,?"
    )
    (measured / "known.csv").write_text(text, encoding="utf-8")
    answer_with("refund")
    told = call(*EVALUATE, "--json")
    assert told.status == 1
    assert [(one["source_id"], one["code"]) for one in told.data["findings"]] == [
        ("r2\x1b[31m", "gold_missing"),
        ("r3", "gold_label_unknown"),
    ]
    assert r"record 2, id r2\x1b[31m: The gold value is empty." in told.err
    assert (told.data["metrics"]["rows"], told.data["metrics"]["gold_left_out"]) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("evaluate",), "evaluate_needs"),
        (("evaluate", "known.csv", "--spec", "spec.toml"), "evaluate_needs"),
        ((*EVALUATE[:-1], "nope"), "column_missing"),
        ((*EVALUATE[:-1], "text"), "evaluate_gold_is_text"),
        ((*EVALUATE[:-1], "language"), "gold_nothing_fits"),
        ((*EVALUATE, "--group", "nope"), "column_missing"),
        (("evaluate", "*.csv", *EVALUATE[2:]), "one_file_wanted"),
        ((*EVALUATE, "--model", "unheard"), "model_unknown"),
        ((*EVALUATE, "--bar", "0.5"), "evaluate_bar_unused"),
        ((*EVALUATE, "--bar", "2"), "evaluate_bar_wrong"),
        ((*EVALUATE, "--gold-other", "oos"), "evaluate_other_unused"),
        ((*EVALUATE, "--blocklist", "none.txt"), "blocklist_wrong"),
        ((*EVALUATE, "--html", "known.csv"), "out_is_needed"),
        ((*EVALUATE, "--html", "p.html", "--model", "a", "--model", "b"), "evaluate_one_html"),
        ((*EVALUATE, "--id", "1"), "evaluate_ids_alone"),
        (("evaluate", "--id", "1", "--compare"), "evaluate_two_ids"),
        (("evaluate", "--id", "1", "--id", "2"), "evaluate_two_ids"),
    ],
)
def test_refusals(call: Call, known: Path, arguments: tuple[str, ...], code: str) -> None:
    """Exit 2 with a code, and no row is answered for it."""
    told = call(*arguments, "--json")
    assert (told.status, told.code) == (2, code)
    assert count_batches(known) == 0


@pytest.mark.parametrize("content", ["id,text,gold\n", "id,text,gold\n,,\n"])
def test_no_row_at_all(call: Call, known: Path, content: str) -> None:
    """A file without rows is refused before anything is made of it."""
    (known / "known.csv").write_text(content, encoding="utf-8")
    assert call(*EVALUATE, "--json").code in ("evaluate_no_rows", "empty_file")
    assert count_batches(known) == 0


def test_nothing_to_compare_with(call: Call, known: Path) -> None:
    """One evaluation is no pair, and two of other files are none either."""
    call("db", "upgrade")
    answer_with("refund")
    assert call(*EVALUATE, "--compare", "--json").code == "evaluate_nothing_to_compare"
    (known / "known.csv").write_text(KNOWN.replace("r3", "r4"), encoding="utf-8")
    answer_with("refund")
    call(*EVALUATE)
    told = call("evaluate", "--compare", "--id", "1", "--id", "2", "--json")
    assert (told.status, told.code) == (2, "evaluate_unlike")


@pytest.mark.integration
def test_end_to_end(known: Path) -> None:
    """Real processes and the stub engine; interrupted it goes on with the same batch."""
    slow = f"{CONFIG}[models.stub.stub]\nrows_per_step = 1\npause_ms_per_step = 200\n"
    (known / "sekisho.toml").write_text(slow, encoding="utf-8")
    rows = "".join(f"r{n},text {n},refund,en\n" for n in range(40))
    (known / "known.csv").write_text(f"id,text,gold,language\n{rows}", encoding="utf-8")
    environment = {**os.environ, "SEKISHO_LANG": "en"}
    command = [*SEKISHO, *EVALUATE, "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "0/40 rows" in line:
                break
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert json.loads(out)["error"]["code"] == "interrupted"
    (known / "sekisho.toml").write_text(CONFIG, encoding="utf-8")
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=SECONDS, check=False
    )
    told = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert (told["metrics"]["rows"], told["metrics"]["answered"]) == (40, 40)
    assert told["metrics"]["cost"]["lost"] == 0
    assert count_batches(known) == 1
