"""The `[task]` table of a translation."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from jobs.spec.glossary import Term, keep_once
from jobs.spec.language import Language, find_language, read_language
from jobs.spec.section import Words
from jobs.spec.task_section import Example, TaskSection


def _read_hint(written: str) -> str:
    return written if written == "auto" else read_language(written)


class TranslateExample(Example):
    """A text and its translation: into `target_language`, or else into that of the spec."""

    answer: Words
    target_language: Language | None = None


class TranslateTask(TaskSection):
    """Translate every row into a language; `source_language` is "auto" or a hint.

    The language is `target_language`, or that of the row in `target_language_column`. With both,
    the column decides and a row where it is blank takes `target_language`. Languages are codes
    (BCP 47) or names, in the spec and in the column.
    """

    kind: Literal["translate"]
    target_language_column: Words | None = None
    target_language: Annotated[Language | None, Field(validate_default=True)] = None
    source_language: Annotated[Words, AfterValidator(_read_hint)] = "auto"
    glossary: tuple[Term, ...] = ()
    examples: tuple[TranslateExample, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of the rows' languages, if there is one."""
        return (self.target_language_column,) if self.target_language_column else ()

    def find_row_problem(
        self, attributes: Mapping[str, str]
    ) -> tuple[str, dict[str, object]] | None:
        """Return why a row has no language to be translated into: a code and its parameters."""
        if self.target_language_column is None:
            return None
        written = attributes.get(self.target_language_column, "").strip()
        named: dict[str, object] = {"column": self.target_language_column}
        if not written:
            return None if self.target_language else ("language_missing", named)
        return None if find_language(written) else ("language_unknown", named)

    def language_of(self, attributes: Mapping[str, str]) -> str:
        """Return the code of the language a row is translated into.

        Raises ValueError for a row that has none; such rows are rejected when they are read.
        """
        column = self.target_language_column
        written = attributes.get(column, "").strip() if column else ""
        if not written and self.target_language:
            return self.target_language
        return read_language(written)

    @field_validator("target_language")
    @classmethod
    def _need_a_language(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("target_language_column") is None:
            raise PydanticCustomError("missing", "Field required")
        return value

    @model_validator(mode="after")
    def _refuse_one_language(self) -> "TranslateTask":
        if self.source_language == self.target_language:
            raise ValueError("source_language and target_language are the same")
        return self

    @field_validator("glossary")
    @classmethod
    def _refuse_conflicts(cls, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return keep_once((term, f"term {number}") for number, term in enumerate(terms, 1))

    @model_validator(mode="after")
    def _check_examples(self) -> "TranslateTask":
        for number, example in enumerate(self.examples, 1):
            language = example.target_language or self.target_language
            if not example.text.strip() or not example.answer.strip():
                raise ValueError(f"example {number} has an empty text or answer")
            if language is None:
                raise ValueError(f"example {number} names no target_language")
            if self.target_language_column is None and language != self.target_language:
                raise ValueError(f"example {number} is in another target_language than the spec's")
        return self
