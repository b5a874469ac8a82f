"""`plan`: a file is counted, nothing is done, and what could leave follows from the policy."""

from pathlib import Path

import pytest

from tests.cli.conftest import SPEC, Call, count_batches

MODEL = "claude-haiku-4-5"
OPEN = f'cloud = "{MODEL}"\n[policy]\ndata_class = "open"\nbudget_usd = 2\n'


def test_rows_and_rejects_are_counted(call: Call, folder: Path) -> None:
    """Every record is counted as loading would, and no database is made."""
    with (folder / "rows.csv").open("a") as file:
        file.write("r3,\nr1,where is it\n")
    told = call("plan", "rows.csv", "--spec", "spec.toml", "--json")
    assert told.status == 1
    assert (told.data["rows"], told.data["rejected"]) == (4, 2)
    assert told.data["reasons"] == {"empty_text": 1, "duplicate_id_same": 1}
    assert (told.data["rows_that_may_leave"], told.data["obstacle"]) == (0, "no_cloud")
    assert told.data["estimated_cloud_usd"] is None
    assert told.data["estimated_prompt_tokens"] > told.data["estimated_answer_tokens"] > 0
    assert count_batches(folder) == 0
    assert not (folder / "sekisho.db").exists()


def test_what_could_leave(call: Call, folder: Path) -> None:
    """An open spec with a budget shows its cost in the cloud and says it is an estimate."""
    (folder / "spec.toml").write_text(SPEC + OPEN)
    told = call("plan", "rows.csv", "--spec", "spec.toml", "--json")
    assert (told.status, told.data["rows_that_may_leave"], told.data["obstacle"]) == (0, 2, None)
    tokens = told.data["estimated_prompt_tokens"], told.data["estimated_answer_tokens"]
    assert float(told.data["estimated_cloud_usd"]) == pytest.approx(
        (tokens[0] + 5 * tokens[1]) / 1e6
    )
    shown = call("plan", "rows.csv", "--spec", "spec.toml").out
    assert "At most 2 rows may leave" in shown
    assert "estimate" in shown


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (OPEN.replace('"open"', '"local_only"'), "the data class is local_only"),
        (OPEN.replace("= 2", "= 0"), "the budget for the cloud is 0"),
    ],
)
def test_nothing_leaves(call: Call, folder: Path, policy: str, says: str) -> None:
    """Without permission or money nothing leaves, and the reason is said."""
    (folder / "spec.toml").write_text(SPEC + policy)
    called = call("plan", "rows.csv", "--spec", "spec.toml")
    assert called.status == 0
    assert f"Nothing leaves: {says}" in called.out


@pytest.mark.parametrize(
    "task",
    [
        'kind = "translate"\ntarget_language = "ja"',
        'kind = "summarize"',
        'kind = "extract"\n[task.fields.day]\ntype = "date"',
    ],
)
def test_every_task(call: Call, folder: Path, task: str) -> None:
    """Every kind of job can be planned."""
    (folder / "spec.toml").write_text(
        SPEC.replace('kind = "classify"\nlabels = ["refund", "delivery"]', task)
    )
    told = call("plan", "rows.csv", "--spec", "spec.toml", "--json")
    assert (told.status, told.data["estimated_answer_tokens"] > 0) == (0, True)


def test_a_broken_file_and_an_option_not_built(call: Call, folder: Path) -> None:
    """A file that breaks off is exit 2 with its error; outbound texts are not shown yet."""
    (folder / "rows.csv").write_text('id,text\nr1,a\nr2,"never closed\n')
    told = call("plan", "rows.csv", "--spec", "spec.toml", "--json")
    assert (told.status, told.data["file_error"]) == (2, "unclosed_quote")
    assert "r2" not in call("plan", "rows.csv", "--spec", "spec.toml").out
    refused = call("plan", "rows.csv", "--spec", "spec.toml", "--show-outbound", "3", "--json")
    assert (refused.status, refused.code) == (2, "option_not_built")


def test_tokens_are_counted_by_the_models_own_vocabulary(call: Call, folder: Path) -> None:
    """With a real model file prompts are counted by its tokenizer, and that is said."""
    (folder / "spec.toml").write_text(SPEC.replace('tiers = ["stub"]', 'tiers = ["smollm2-135m"]'))
    told = call("plan", "rows.csv", "--spec", "spec.toml", "--json")
    assert told.data["tokenizer"] == "smollm2-135m"
    assert "smollm2-135m" in call("plan", "rows.csv", "--spec", "spec.toml").out


def test_where_rows_begin(call: Call, folder: Path) -> None:
    """The rule is said, with the rows of each complexity and those of each local model."""
    hard = "長い文です。" * 1_000
    (folder / "rows.csv").write_text(f"id,text\nr1,short\nr2,{hard}\n", encoding="utf-8")
    two = SPEC.replace('tiers = ["stub"]', 'tiers = ["stub", "large"]')
    (folder / "spec.toml").write_text(two, encoding="utf-8")
    told = call("plan", "rows.csv", "--spec", "spec.toml", "--json").data
    assert told["start"] == [
        {"tier": 0, "model": "stub", "rows": 1},
        {"tier": 1, "model": "large", "rows": 1},
    ]
    assert told["complexity"]["rows"] == {"0": 1, "5": 1}
    shown = call("plan", "rows.csv", "--spec", "spec.toml").out
    assert "Below 3 a row begins with the first local model" in shown
    assert "rows that begin with large" in shown


def test_where_rows_of_a_fixed_complexity_begin(call: Call, folder: Path) -> None:
    """One number for all rows is said to be the spec's; one local model is the start of all."""
    (folder / "spec.toml").write_text(SPEC + "complexity = 9\n")
    told = call("plan", "rows.csv", "--spec", "spec.toml", "--json").data
    assert told["complexity"] == {
        "fixed": 9,
        "points": {},
        "rows": {"9": 2},
    }
    shown = call("plan", "rows.csv", "--spec", "spec.toml").out
    assert "route.complexity says so" in shown
    assert "Every row begins with stub" in shown
