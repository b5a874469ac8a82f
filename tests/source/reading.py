"""Reads small files written by a test."""

from pathlib import Path

from jobs.source import InputShape, Records, Reject, Row, read_records

PLAIN = InputShape(id="id", text="text")


def read_bytes(path: Path, content: bytes, shape: InputShape = PLAIN) -> Records:
    """Write the file and open it."""
    path.write_bytes(content)
    return read_records(path, shape)


def good(records: Records) -> list[tuple[str, str]]:
    """Return (id, text) of the rows of one pass."""
    return [(r.source_id, r.text) for r in records if isinstance(r, Row)]


def rejected(records: Records) -> list[tuple[int, str | None, str]]:
    """Return (record number, id, reason) of the rejects of one pass."""
    return [(r.record_number, r.source_id, r.reason_code) for r in records if isinstance(r, Reject)]
