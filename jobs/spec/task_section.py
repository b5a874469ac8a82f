"""What every kind of job has in its `[task]` table."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from jobs.spec.section import Section, Words

LanguageCode = Literal["ja", "en", "de", "fr", "zh", "ko"]


class Example(Section):
    """A text and its right answer, shown to the model: [[task.examples]].

    `answer` has the form that its kind of job gives it.
    """

    text: Words
    answer: Any


class TaskSection(Section):
    """What every kind of job has. A text that no engine can read whole is refused, or split."""

    instruction: str = ""
    long_input: Literal["refuse", "split"] = "refuse"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns beside the text that a row is asked about with; they are kept with it."""
        return ()

    def find_row_problem(
        self, attributes: Mapping[str, str]
    ) -> tuple[str, dict[str, object]] | None:
        """Return why a row cannot be asked about, from its columns: a code and its parameters.

        Such a row is rejected where it is read. The parameters never hold content.
        """
        del attributes
        return None


def refuse_equal(noun: str, names: Iterable[str]) -> None:
    """Raise ValueError if a name is blank, or two are the same after NFKC."""
    seen: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).strip()
        if not plain:
            raise ValueError(f"a {noun}'s name is empty")
        if plain in seen:
            raise ValueError(f"the {noun}s {seen[plain]!r} and {name!r} are the same")
        seen[plain] = name
