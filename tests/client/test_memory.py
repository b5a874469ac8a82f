"""A hundred thousand rows go in and come out, and memory stays flat."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.making import SPEC

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PRODUCER = """
import sys
from pathlib import Path
from jobs.client import Client

def rows(count):
    for number in range(count):
        yield {"id": number, "text": f"text {number} " + "x" * 500, "store": "s"}

count, spec = int(sys.argv[1]), sys.argv[2]
with Client() as client:
    batch = client.submit(rows(count), spec)
    assert sum(1 for _ in client.results(batch.batch_id)) == batch.rows == count
# ru_maxrss would be the parent's, where that one was larger
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
"""


def peak_kib(folder: Path, rows: int) -> int:
    """The most memory a producer of that many rows had, in KiB."""
    folder.mkdir()
    spec = folder / "spec.toml"
    spec.write_text(SPEC)
    ended = subprocess.run(
        [sys.executable, "-c", PRODUCER, str(rows), spec],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SEKISHO_DATABASE_URL": f"sqlite:///{folder / 'own.db'}",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return int(ended.stdout)


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the rows, 50 MB of text, take no more than a little more memory."""
    few, many = peak_kib(tmp_path / "few", 10_000), peak_kib(tmp_path / "many", 100_000)
    assert many - few < (64 + 20) * 1024  # SQLite's cache of 64 MB fills while it loads
    assert many < 200 * 1024
