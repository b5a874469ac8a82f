"""Fault points: nothing without the variable, a death exactly at the named point with it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.faults import trip

PROGRAM = "from jobs.faults import trip; trip('here'); trip('there'); print('alive')"


def run(fault: str, ledger: Path) -> "subprocess.CompletedProcess[str]":
    """Pass two fault points in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"SEKISHO_FAULT": fault, "SEKISHO_FAULT_LEDGER": str(ledger)},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_the_variable_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault point in production does nothing."""
    monkeypatch.delenv("SEKISHO_FAULT", raising=False)
    trip("here")


def test_another_point_is_passed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Points that were not named are passed without a trace."""
    monkeypatch.setenv("SEKISHO_FAULT", "elsewhere:kill")
    monkeypatch.setenv("SEKISHO_FAULT_LEDGER", str(tmp_path / "ledger"))
    trip("here")
    assert not (tmp_path / "ledger").exists()


def test_the_named_point_kills_as_often_as_asked(tmp_path: Path) -> None:
    """The first two processes die there, the third lives: the ledger counts across them."""
    ledger = tmp_path / "ledger"
    codes = [run("there:kill:2", ledger).returncode for _ in range(3)]
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert len(ledger.read_text().splitlines()) == 3
