"""Each fact about a file is said once."""

from jobs.errors import SpecError
from tests.watch.making import HeardView
from workers.watch.saying import EVERYTHING, Saying


def test_a_fact_is_said_once_until_it_is_forgotten() -> None:
    """Another fact, another file, or the same one after a change is said."""
    view = HeardView()
    saying = Saying(view, "en")
    for _ in range(2):
        saying.say_once("a\n.csv", "watch_leaves")
        saying.say_once("b.csv", "watch_leaves")
    assert (len(view.words), view.said("a\\n.csv"), view.said("b.csv")) == (2, 1, 1)
    saying.forget("b.csv")
    saying.keep(["b.csv"])
    for path in ("a\n.csv", "b.csv"):
        saying.say_once(path, "watch_leaves")
    assert len(view.words) == 4


def test_an_error_is_said_in_its_words() -> None:
    """In those of the language, with the file it holds up."""
    view = HeardView()
    saying = Saying(view, "ja")
    error = SpecError("spec_not_utf8", file="s.toml")
    saying.say_error("a.csv", "watch_waits", error)
    saying.say_error(EVERYTHING, "watch_rests", error)
    assert view.said("a.csv", "s.toml", "UTF-8") == 1
    assert view.said("s.toml") == 2
