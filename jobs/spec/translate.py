"""The `[task]` table of a translation."""

from typing import Literal

from pydantic import model_validator

from jobs.spec.section import Words
from jobs.spec.task_section import LanguageCode, TaskSection


class TranslateTask(TaskSection):
    """Translate every row into `target_language`; `source_language` is "auto" or a hint."""

    kind: Literal["translate"]
    target_language: LanguageCode
    source_language: Words = "auto"

    @model_validator(mode="after")
    def _refuse_one_language(self) -> "TranslateTask":
        if self.source_language == self.target_language:
            raise ValueError("source_language and target_language are the same")
        return self
