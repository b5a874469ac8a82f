"""Memory stays flat: huge lines, cells and records, bombs, many columns, files that grow."""

import gzip
import json
import subprocess
import sys
import zlib
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.source import InputShape, read_records
from tests.source.reading import PLAIN, good, rejected

READ_IN_A_CHILD = """
import sys
from pathlib import Path
from jobs.source import InputShape, Row, read_records
def peak_kib():  # not ru_maxrss: that would remember the parent's memory
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = peak_kib()
records = read_records(Path(sys.argv[1]), InputShape("id", "text"))
rows = sum(isinstance(record, Row) for record in records)
others = sorted({record.reason_code for record in records if not isinstance(record, Row)})
print(rows, ",".join(others) or "-", records.file_error, (peak_kib() - before) // 1024)
"""
ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def read_in_a_child(path: Path) -> tuple[int, str, str, int]:
    """Return the good rows, the reasons, the file error and how many MiB memory grew by."""
    command = [sys.executable, "-c", READ_IN_A_CHILD, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    rows, reasons, file_error, grown = done.stdout.split()
    return int(rows), reasons, file_error, int(grown)


@ONLY_LINUX
@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "begin", "end", "reason", "most_mib"),
    [
        ("a.csv", b"id,text\n1,", b"\n2,b\n", "text_too_long", 40),
        (
            "a.jsonl",
            b'{"id": "1", "text": "',
            b'"}\n{"id": "2", "text": "b"}\n',
            "record_too_long",
            120,
        ),
        (
            "a.json",
            b'[{"id": "1", "text": "',
            b'"}, {"id": "2", "text": "b"}]',
            "record_too_long",
            120,
        ),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_of_100_mb(
    tmp_path: Path, name: str, begin: bytes, end: bytes, reason: str, most_mib: int, packed: bool
) -> None:
    """One huge record is rejected, its neighbour is good, and memory hardly grows."""
    path = tmp_path / (f"{name}.gz" if packed else name)
    with gzip.open(path, "wb", 1) if packed else path.open("wb") as stream:
        stream.write(begin)
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
        stream.write(end)
    rows, reasons, file_error, grown = read_in_a_child(path)
    assert (rows, reasons, file_error) == (1, reason, "None")
    assert grown < most_mib


@ONLY_LINUX
@pytest.mark.heavy
def test_many_rows_of_json(tmp_path: Path) -> None:
    """A list of many records takes no more memory than a short one."""
    path = tmp_path / "a.json"
    with path.open("w", encoding="utf-8") as stream:
        rows = (json.dumps({"id": n, "text": "x" * 200}) for n in range(150_000))
        stream.write("[")
        stream.writelines(f"{',' * bool(at)}{row}" for at, row in enumerate(rows))
        stream.write("]")
    rows_read, _, file_error, grown = read_in_a_child(path)
    assert (rows_read, file_error) == (150_000, "None")
    assert grown < 20


@ONLY_LINUX
@pytest.mark.heavy
@pytest.mark.parametrize(("suffix", "most_mib"), [("xlsx", 60), ("parquet", 140)])
def test_many_rows_of_other_formats(tmp_path: Path, suffix: str, most_mib: int) -> None:
    """Workbooks and Parquet, with one row group of 60 MB, are read in small parts."""
    path = tmp_path / f"a.{suffix}"
    count = 20_000 if suffix == "xlsx" else 300_000
    rows = ((str(n), f"{n:>200}") for n in range(count))
    if suffix == "xlsx":
        workbook = openpyxl.Workbook(write_only=True)
        sheet = workbook.create_sheet()
        for row in [("id", "text"), *rows]:
            sheet.append(row)
        workbook.save(path)
    else:
        ids, texts = zip(*rows, strict=True)
        pq.write_table(pa.table({"id": ids, "text": texts}), path, row_group_size=count)
    rows_read, _, file_error, grown = read_in_a_child(path)
    assert (rows_read, file_error) == (count, "None")
    assert grown < most_mib


def test_a_bomb_inside_a_bomb(tmp_path: Path) -> None:
    """A gzip inside a gzip is refused at its first bytes, whatever it would unpack to."""
    packer = zlib.compressobj(9, wbits=31)
    inner = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(inner))
    with pytest.raises(Exception, match="gzip_nested"):
        read_records(path, PLAIN)


def test_ten_thousand_columns(tmp_path: Path) -> None:
    """A wide file is read like any other, and JSON with as many keys."""
    names = [f"c{n}" for n in range(9_998)]
    cells = ["v"] * 9_998
    path = tmp_path / "a.csv"
    path.write_text(
        "\n".join(
            ",".join(line) for line in (["id", *names, "text"], ["1", *cells, "x"], ["2", "y"])
        )
    )
    records = read_records(path, InputShape("id", "text", keep=("c9997",)))
    assert good(records) == [("1", "x")]
    assert rejected(records) == [(2, "2", "too_few_columns")]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "1", **dict(zip(names, cells, strict=True)), "text": "x"}))
    assert good(read_records(path, InputShape("id", "text", keep=("c9997",)))) == [("1", "x")]


@pytest.mark.parametrize(
    ("name", "begin", "more"),
    [
        ("a.csv", b"id,text\n", b"%d,x\n"),
        ("a.jsonl", b"", b'{"id": "%d", "text": "x"}\n'),
    ],
)
def test_a_file_that_grows_while_read(tmp_path: Path, name: str, begin: bytes, more: bytes) -> None:
    """What is added while it is read is read whole or not at all; handing in tells the change."""
    path = tmp_path / name
    path.write_bytes(begin + b"".join(more % n for n in range(20_000)))
    with path.open("ab", buffering=0) as growing:
        found = []
        for number, record in enumerate(read_records(path, PLAIN)):
            if number < 5_000:
                growing.write(more % (20_000 + number))
            found.append(record)
    assert [record.source_id for record in found] == [str(n) for n in range(len(found))]
    assert len(found) >= 20_000
