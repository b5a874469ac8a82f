"""The `[task]` table: one model for each kind of job, told apart by `kind`."""

from typing import Annotated, Final

from pydantic import Field

from jobs.spec.classify import ClassifyTask
from jobs.spec.extract import ExtractTask
from jobs.spec.summarize import SummarizeTask
from jobs.spec.task_section import TaskSection
from jobs.spec.translate import TranslateTask

AnyTask = Annotated[
    ClassifyTask | ExtractTask | TranslateTask | SummarizeTask, Field(discriminator="kind")
]
TASKS: Final[dict[str, type[TaskSection]]] = {
    "classify": ClassifyTask,
    "extract": ExtractTask,
    "translate": TranslateTask,
    "summarize": SummarizeTask,
}
