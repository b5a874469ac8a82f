"""The dirty input files of ../shared/data/messy, and what a reader must make of each."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(
    os.environ.get("SEKISHO_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data"
)
MESSY = SHARED / "messy"
EXPECTED = MESSY / "expected.json"
REFUSED = "00_empty_file.csv"

needs_messy = pytest.mark.skipif(not MESSY.is_dir(), reason="no ../shared/data/messy here")


def all_expected() -> dict[str, dict[str, Any]]:
    """What is expected of each file, by its name; nothing where the files are not."""
    found: dict[str, dict[str, Any]] = {}
    if EXPECTED.exists():
        found = json.loads(EXPECTED.read_text("utf-8"))
    return found


def summary(source_id: str, text: str) -> dict[str, object]:
    """A good row as it stands in what is expected."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"id": source_id, "text_sha256_16": digest, "chars": len(text)}
