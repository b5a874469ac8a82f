"""The kinds of job. Each owns its prompt, its constraint, its parser, its checks and signals."""

from jobs.spec import Spec
from jobs.tasks.classify import Classify
from jobs.tasks.protocol import Reading, Task

__all__ = ["Classify", "Reading", "Task", "build_task"]


def build_task(spec: Spec) -> Task:
    """Return the task a spec describes."""
    return Classify(spec.task)
