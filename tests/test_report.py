"""What a run says: the contract's keys, and an exit status that schedulers can rely on."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.errors import SettingError
from jobs.store import Database
from tests.store.making import drive, make_batch
from workers.report import AllowBad, Report, as_json, exit_status, parse_allow_bad, report_on

KEYS = [
    "batch_id",
    "status",
    "rows",
    "rejected",
    "done",
    "review",
    "failed",
    "cancelled",
    "answered",
    "escalated",
    "cached",
    "audited",
    "file_error",
    "cost_usd",
    "seconds",
]
GOOD = Report("b1", "closed", 10, 0, 10, 0, 0, 0, 0, 0, 0, 0, None, "0.00", 1.0)


def test_json_has_the_keys_of_the_contract(database: Database) -> None:
    """A batch is reported with exactly the promised keys and kinds of values."""
    batch = make_batch(database, [2], rejected=1)
    drive(database)
    told = as_json([report_on(database, batch, 1.23456)])
    assert list(told) == KEYS
    assert (told["status"], told["rows"], told["rejected"], told["done"]) == ("closed", 3, 1, 2)
    assert (told["file_error"], told["seconds"]) == (None, 1.235)
    assert Decimal(told["cost_usd"]) == Decimal("0.000000014")
    assert all(isinstance(told[key], int) for key in KEYS[2:12])


def test_several_batches_stand_in_a_list() -> None:
    """One batch stands alone, several under `batches`."""
    assert list(as_json([GOOD, GOOD])) == ["batches"]
    assert as_json([GOOD])["batch_id"] == "b1"


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("0", AllowBad()),
        ("12", AllowBad(rows=12)),
        ("2%", AllowBad(percent=Decimal(2))),
        ("0.5%", AllowBad(percent=Decimal("0.5"))),
        ("100%", AllowBad(percent=Decimal(100))),
    ],
)
def test_allow_bad_is_read(text: str, allowed: AllowBad) -> None:
    """A number of rows, or a percentage."""
    assert parse_allow_bad(text) == allowed


@pytest.mark.parametrize(
    "text", ["", "-1", "many", "1.5", "101%", "-1%", "nan%", "inf%", "%", "2 %%", "snan%", "0x1"]
)
def test_anything_else_is_refused(text: str) -> None:
    """What is neither a number of rows nor a percentage from 0 to 100 is a mistake."""
    with pytest.raises(SettingError) as caught:
        parse_allow_bad(text)
    assert (caught.value.code, caught.value.params["value"]) == ("allow_bad_wrong", text)


@given(st.integers(0, 10_000), st.integers(1, 1_000_000))
@example(57, 10_000)  # as a float 0.57 x 10,000 is less than 5,700
def test_a_percentage_is_exact(hundredths: int, rows: int) -> None:
    """With P% allowed, exactly the rows up to P% may be bad, to the last one."""
    allowed = parse_allow_bad(f"{hundredths / 100:.2f}%")
    most = hundredths * rows // 10_000
    assert allowed.permits(replace(GOOD, rows=rows, review=most))
    assert not allowed.permits(replace(GOOD, rows=rows, review=most + 1))


@pytest.mark.parametrize("name", ["rejected", "review", "failed", "cancelled"])
def test_every_bad_end_counts(name: str) -> None:
    """Rejected, in review, failed and cancelled rows are bad; an empty file is not."""
    one_bad = replace(GOOD, **{name: 1})  # type: ignore[arg-type]
    assert exit_status([one_bad], AllowBad()) == 1
    assert exit_status([GOOD, one_bad], AllowBad()) == 1
    assert exit_status([one_bad], AllowBad(rows=1)) == 0
    assert exit_status([replace(GOOD, rows=0, done=0)], parse_allow_bad("0%")) == 0


def test_the_exit_status() -> None:
    """0 when all rows are done, 2 for a broken file whatever is allowed."""
    assert exit_status([GOOD], AllowBad()) == 0
    failed = replace(GOOD, status="failed", cancelled=10, done=0)
    assert exit_status([GOOD, failed], parse_allow_bad("100%")) == 2
