"""What a person sees during a run: on stderr, now and then, in their language."""

import pytest

from jobs.store.results import Tally
from workers.view import LINE_SECONDS, BarView, LineView, Pace, make_view

TALLY = Tally(8, 1, 3, 2, 0, 2, 0, 0, 0, 0)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """The first look gives a line, then one every few seconds; stdout stays empty."""
    clock = Clock()
    view = LineView("en", clock)
    for seconds in (0.0, 1.0, LINE_SECONDS - 0.1, LINE_SECONDS, LINE_SECONDS + 1):
        clock.seconds = seconds
        view.show("rows.csv", TALLY, seconds)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == ["rows.csv: 3/8 rows (37%), - rows/s"] * 2


def test_the_pace_is_counted_from_the_first_look() -> None:
    """Rows that were there before somebody looked make no pace; without movement there is none."""
    pace = Pace()
    assert pace.measure(100, 0.0) == "-"
    assert pace.measure(100, 1.0) == "-"
    assert pace.measure(106, 4.0) == "1.5"


def test_a_new_file_is_shown_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """After the end of one file the next one's first look gives a line."""
    view = LineView("en", Clock())
    view.show("a.csv", TALLY, 1.0)
    view.end()
    view.show("b.csv", TALLY, 1.0)
    assert [line[:1] for line in capsys.readouterr().err.splitlines()] == ["a", "b"]


def test_an_empty_file_has_no_percentage_to_fail_on(capsys: pytest.CaptureFixture[str]) -> None:
    """No rows and no time are no division by zero."""
    LineView("en", Clock()).show("a.csv", Tally(0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0.0)
    assert "0/0" in capsys.readouterr().err


def test_facts_are_told_in_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    """Every fact is one line of words."""
    LineView("ja").say("worker_loading")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "worker_loading" not in told


def test_a_bar_shows_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar can be shown, told facts beside, ended twice, and begun again; markup is only text."""
    view = BarView("en")
    view.say("loading_line", name="[red]odd[/red].csv", records=3)
    for name in ("a.csv", "b.csv"):
        view.show(name, TALLY, 1.0)
        view.say("worker_ready")
        view.show(name, TALLY, 2.0)
        view.end()
        view.end()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "[red]odd[/red].csv" in shown.err
    assert "b.csv" in shown.err


def test_without_a_terminal_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar is for terminals only."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    assert isinstance(make_view("en"), LineView)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(make_view("en"), BarView)
