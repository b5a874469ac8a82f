"""The kinds of job. Each owns its prompt, its constraint, its parser, its checks and signals."""

from jobs.spec import ClassifyTask, ExtractTask, Spec, TranslateTask
from jobs.tasks.classify import Classify
from jobs.tasks.classify_several import ClassifySeveral
from jobs.tasks.extract import Extract
from jobs.tasks.protocol import FieldReading, Part, Reading, Task
from jobs.tasks.split import Answer, Ask, Assembly, read_whole
from jobs.tasks.summarize import Summarize
from jobs.tasks.translate import Translate

__all__ = [
    "Answer",
    "Ask",
    "Assembly",
    "Classify",
    "ClassifySeveral",
    "Extract",
    "FieldReading",
    "Part",
    "Reading",
    "Summarize",
    "Task",
    "Translate",
    "build_task",
    "read_whole",
]


def build_task(spec: Spec) -> Task:
    """Return the task a spec describes."""
    task = spec.task
    if isinstance(task, ClassifyTask):
        return ClassifySeveral(task) if task.multi_label else Classify(task)
    if isinstance(task, ExtractTask):
        return Extract(task)
    if isinstance(task, TranslateTask):
        return Translate(task)
    return Summarize(task)
