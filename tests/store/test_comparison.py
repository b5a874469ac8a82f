"""Two batches compared in SQL; the same on both databases."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from jobs.job import JobStatus
from jobs.store import Database, chunks, comparison
from jobs.store.results import STREAM_ROWS
from jobs.tables import jobs
from tests.store.filled import answer_all, extracted, fill, labelled, make_extracted, named
from tests.store.making import claim, drive, make_batch, outcome


def kinds(database: Database, left: str, right: str) -> list[tuple[str, str]]:
    """(source_id, kind) of each difference, in order."""
    found = comparison.stream_differences(database, left, right)
    return [(one.source_id, one.kind) for one in found]


def test_a_batch_equals_itself(database: Database) -> None:
    """Nothing differs, whatever states its rows are in."""
    _, second, _ = fill(database)
    assert kinds(database, second.batch_id, second.batch_id) == []


def test_other_labels_and_states_are_found(database: Database) -> None:
    """A changed label is another answer; a row that now waits for a person is another state."""
    first, second, _ = fill(database)
    assert kinds(database, first.batch_id, second.batch_id) == [("r2", "answer"), ("r3", "status")]
    change, _ = comparison.stream_differences(database, first.batch_id, second.batch_id)
    assert change.left is not None
    assert change.right is not None
    assert (change.left.label, change.right.label) == ("refund", "delivery")
    assert change.right.output == {"label": "delivery"}
    assert (change.left.row_number, change.same_text) == (2, True)


def test_rows_that_one_batch_has_not(database: Database) -> None:
    """They come in the order of their own file: those of the left one first."""
    left = make_batch(database, [4], "i1")
    right = make_batch(database, [2], "i2")
    drive(database)
    assert kinds(database, left.batch_id, right.batch_id) == [
        ("r3", "only_left"),
        ("r4", "only_left"),
    ]
    with database.write() as connection:
        of_left = (jobs.c.batch_id == left.batch_id) & (jobs.c.source_id == "r1")
        connection.execute(update(jobs).where(of_left).values(source_id="other"))
    assert kinds(database, left.batch_id, right.batch_id) == [
        ("other", "only_left"),
        ("r3", "only_left"),
        ("r4", "only_left"),
        ("r1", "only_right"),
    ]
    assert comparison.count_jobs(database, left.batch_id) == 4


def test_another_text_is_said(database: Database) -> None:
    """An answer may differ because the row does."""
    first, second, _ = fill(database)
    with database.write() as connection:
        of_second = (jobs.c.batch_id == second.batch_id) & (jobs.c.source_id == "r2")
        connection.execute(update(jobs).where(of_second).values(text_hash="0" * 64))
    found = {
        one.source_id: one.same_text
        for one in comparison.stream_differences(database, first.batch_id, second.batch_id)
    }
    assert found == {"r2": False, "r3": True}


def test_records_are_compared_whole(database: Database) -> None:
    """Any field that differs makes another answer, null included."""
    one = make_extracted(database, {"a": 1, "b": None})
    other = make_batch(database, [1], "x2", change=named("other"))
    answer_all(database, lambda job: extracted(job, {"a": 1, "b": 2}))
    assert kinds(database, one.batch_id, other.batch_id) == [("r1", "answer")]


def test_the_order_of_fields_is_no_difference(database: Database) -> None:
    """Two specs may name the same fields in another order."""
    one = make_extracted(database, {"a": 1, "b": None})
    other = make_batch(database, [1], "x2", change=named("other"))
    answer_all(database, lambda job: extracted(job, {"b": None, "a": 1}))
    assert kinds(database, one.batch_id, other.batch_id) == []


def test_more_differences_than_one_fetch_holds(sqlite: Database) -> None:
    """All of them come, in order, and a reader may leave early."""
    left = make_batch(sqlite, [STREAM_ROWS + 7], "i1")
    right = make_batch(sqlite, [1], "i2")
    found = kinds(sqlite, left.batch_id, right.batch_id)
    assert [source for source, _ in found] == [f"r{n}" for n in range(2, STREAM_ROWS + 8)]
    stream = comparison.stream_differences(sqlite, left.batch_id, right.batch_id)
    assert next(stream).source_id == "r2"
    stream.close()  # type: ignore[attr-defined]


LABELS = st.sampled_from([None, "refund", "delivery"])


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=5))
def test_it_finds_what_a_merge_by_hand_finds(
    sqlite: Database, rows: list[tuple[str | None, str | None]]
) -> None:
    """None stands for a row that is in review; labels are compared only between results."""
    names = []
    for side in (0, 1):
        made = make_batch(sqlite, [len(rows)], f"p{side}")
        lease = claim(sqlite)
        chunks.commit(
            sqlite,
            lease,
            [
                outcome(job, JobStatus.REVIEW)
                if (label := row[side]) is None
                else labelled(job, label)
                for job, row in zip(lease.jobs, rows, strict=True)
            ],
        )
        names.append(made.batch_id)
    expected = [
        (f"r{number}", "status" if None in row else "answer")
        for number, row in enumerate(rows, start=1)
        if row[0] != row[1]
    ]
    assert kinds(sqlite, *names) == expected
    with sqlite.write() as connection:
        for table in ("results", "attempts", "outbox", "jobs", "chunks", "tiers", "batches"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - ours
