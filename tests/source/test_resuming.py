"""Every format becomes the same batch, loaded on from wherever its loading died."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import submit as handing
from jobs.store import Database, results
from tests.store.making import assert_sound
from tests.test_submit import StoppedError, expire_load_leases, load

ROWS: list[dict[str, Any]] = [
    {"id": f"r{n}", "text": "" if n % 5 == 0 else f"text {n % 4}", "store": "東京"}
    for n in (*range(1, 21), 3, 7)
]


def write_json(path: Path) -> None:
    path.write_text(json.dumps(ROWS), encoding="utf-8")


def write_lines(path: Path) -> None:
    path.write_bytes(gzip.compress("\n\n".join(map(json.dumps, ROWS)).encode()))


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=4)


def write_workbook(path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (list(ROWS[0]), *[list(row.values()) for row in ROWS]):
        workbook.worksheets[0].append(row)
    workbook.save(path)


@pytest.mark.parametrize("stop_after", [3, 12])
@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.json", write_json),
        ("a.jsonl.gz", write_lines),
        ("a.parquet", write_parquet),
        ("a.xlsx", write_workbook),
    ],
)
def test_loading_goes_on_where_it_died(
    sqlite: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    write: Callable[[Path], None],
    stop_after: int,
) -> None:
    """Whichever format, every record is one job or one reject, once."""
    monkeypatch.setattr(handing, "STEP_RECORDS", 3)
    write(tmp_path / name)

    def stop(read: int) -> None:
        if read >= stop_after:
            raise StoppedError

    with pytest.raises(StoppedError):
        load(sqlite, tmp_path / name, on_progress=stop)
    expire_load_leases(sqlite)
    batch = load(sqlite, tmp_path / name)
    assert (batch.status, batch.records_read, batch.file_error) == ("open", 22, None)
    tally = results.tally(sqlite, batch.batch_id)
    assert (tally.rows, tally.rejected, tally.waiting) == (22, 6, 16)
    assert_sound(sqlite)
