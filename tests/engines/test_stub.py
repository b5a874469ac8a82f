"""The stub: a real engine whose faults are ordered."""

import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion, FreeText, JsonText
from tests.engines.conformance import (
    JSON,
    PATIENCE_SECONDS,
    TEXT,
    Tray,
    ask,
    check_tokens,
    make_prompts,
)
from tests.engines.schemas import SCHEMAS, check
from workers.engines.stub import StubEngine
from workers.engines.stub_answers import check_schema, make_instance, write_json, write_text
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


@given(name=st.sampled_from([*SCHEMAS]), text=st.text(max_size=30))
def test_instances_are_valid_for_their_schema(name: str, text: str) -> None:
    """Whatever the row holds, what the stub writes as JSON has the asked form."""
    answer, tokens, finish = write_json(JsonText(json.dumps(SCHEMAS[name]), 500), text)
    check(SCHEMAS[name], json.loads(answer))
    assert finish == "stop"
    assert tokens[-1].end == len(answer.encode())


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "number", "maximum": -2.5}, -2.5),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, [None, None]),
        ({"$defs": {"n": {"enum": [7]}}, "$ref": "#/$defs/n"}, 7),
    ],
)
def test_instances_are_the_smallest(schema: dict[str, object], instance: object) -> None:
    """Bounds, constants and references are kept."""
    check_schema(json.dumps(schema))
    assert make_instance(schema, "") == instance


@given(text=st.text(max_size=60).filter(str.strip), stop=st.text(max_size=2))
def test_stub_text_is_tiled_by_its_tokens(text: str, stop: str) -> None:
    """The stub repeats words, at most as many as tokens, and keeps stop strings out."""
    answer, tokens, _ = write_text(FreeText(5, (stop,)), text)
    assert len(tokens) <= 5
    assert [token.start for token in tokens] == [0, *(token.end for token in tokens[:-1])]
    assert tokens[-1].end == len(answer.encode())
    assert not stop or stop not in answer


def test_truncate_on_cuts_text_and_json(journal: Journal) -> None:
    """A row that holds the marker gets half an answer, marked; its neighbours get whole ones."""
    engine = StubEngine(journal, truncate_on="CUT")
    texts = ["one two three four", "one CUT three four"]
    for choice in (TEXT, JSON):
        whole, half = ask(engine, make_prompts(texts, choice=choice)).values()
        assert (whole.finish, half.finish) == ("stop", "length")
        check_tokens(half)
        assert len(str(half.text)) < len(str(whole.text))
    engine.close()


def test_written_answers_do_not_depend_on_batch_or_key(journal: Journal) -> None:
    """The same text and constraint give the same answer and the same token scores."""
    wide, narrow = StubEngine(journal), StubEngine(journal, rows_per_step=1)
    texts = [f"text {number}" for number in range(9)]
    for choice in (TEXT, JSON):
        first = ask(wide, make_prompts(texts, choice=choice))
        second = ask(narrow, make_prompts(texts, choice=choice, first_key=100))
        assert [first[key].tokens for key in range(9)] == [
            second[100 + key].tokens for key in range(9)
        ]
    wide.close()
    narrow.close()
