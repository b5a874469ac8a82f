"""The stub: a real engine whose faults are ordered."""

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from jobs.prompt import Completion
from tests.engines.conformance import PATIENCE_SECONDS, Tray, ask, make_prompts
from workers.engines.stub import StubEngine
from workers.journal import Journal, read_suspects


def test_same_text_same_answer(journal: Journal) -> None:
    """Answers depend on text and labels alone, not on key, batch or engine."""
    texts = [f"text {number}" for number in range(30)]
    wide, narrow = StubEngine(journal), StubEngine(journal, rows_per_step=1)
    first = ask(wide, make_prompts(texts))
    second = ask(narrow, make_prompts(texts, first_key=100))
    wide.close()
    narrow.close()
    assert [first[key].scores for key in range(30)] == [
        second[100 + key].scores for key in range(30)
    ]
    assert len({answer.text for answer in first.values()}) > 1


def test_abort_leaves_its_step_in_the_journal(tmp_path: Path) -> None:
    """A process that aborts in a step leaves exactly that step's ids behind."""
    path = tmp_path / "journal"
    program = textwrap.dedent(
        """
        import sys, threading
        from pathlib import Path
        from tests.engines.conformance import make_prompts
        from workers.engines.stub import StubEngine
        from workers.journal import Journal
        engine = StubEngine(Journal(Path(sys.argv[1])), rows_per_step=2, abort_on="poison")
        texts = ["a", "b", "c", "poison", "e"]
        engine.submit(make_prompts(texts, first_key=40), lambda completion: None)
        threading.Event().wait(60)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        check=False,
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    assert done.returncode < 0
    assert read_suspects(path) == (42, 43)


def test_hang_is_a_stall_and_names_its_rows(tmp_path: Path) -> None:
    """A step that hangs is visible as a stall, with its rows in the journal."""
    path = tmp_path / "journal"
    journal = Journal(path)
    now = [0.0]
    first_done = threading.Event()
    engine = StubEngine(journal, rows_per_step=1, hang_on="swamp", clock=lambda: now[0])
    tray = Tray(2)

    def deliver(completion: Completion) -> None:
        tray(completion)
        first_done.set()

    engine.submit(make_prompts(["fine", "swamp"]), deliver)
    assert first_done.wait(PATIENCE_SECONDS)
    now[0] = 90.0
    stalled = engine.stalled_seconds()
    engine.release_hang()
    tray.wait()
    engine.close()
    journal.close()
    assert stalled == pytest.approx(90.0)


def test_pause_ends_when_the_engine_closes(journal: Journal) -> None:
    """A long pause in a step does not hold up closing."""
    engine = StubEngine(journal, pause_ms_per_step=3_600_000)
    tray = Tray(1)
    engine.submit(make_prompts(["slow"]), tray)
    engine.close()
    assert tray.wait()[0].error in {None, "withdrawn"}
