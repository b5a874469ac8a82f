"""The rows of one lease at an engine: each comes back once, however many parts it had.

Used by one thread, the executor's; only the inbox is filled by the engine's.
"""

import queue
from collections.abc import Sequence
from functools import partial

from jobs.errors import SpecError
from jobs.job import Job
from jobs.prompt import Completion, Prompt
from jobs.tasks import Answer, Ask, Assembly, read_whole
from jobs.tasks.split import TOO_LONG
from jobs.verdict import Plan
from workers.engines import Engine


class Rows:
    """Asks an engine about rows, and about the parts of those that are too long for it."""

    def __init__(self, engine: Engine, plan: Plan, jobs: Sequence[Job], *, alone: bool) -> None:
        self._engine = engine
        self._plan = plan
        self._jobs = {job.job_id: job for job in jobs}
        self._alone = alone
        self._inbox: queue.SimpleQueue[tuple[int | None, Completion]] = queue.SimpleQueue()
        self._long: dict[int, Assembly] = {}
        self.withdrawn = False

    def submit(self) -> None:
        """Ask about every row as a whole. Raises EngineStopped, as `get` does."""
        self._submit([self._plan.task.render(job) for job in self._jobs.values()], None)

    def withdraw(self) -> None:
        """Take back what the engine has not finished; a row whose parts are out goes back whole."""
        self.withdrawn = True
        for assembly in self._long.values():
            assembly.stop()
        self._engine.withdraw(list(self._jobs))

    def get(self, timeout: float) -> Answer | None:
        """Return a row's answer, None if what came ends no row; raises queue.Empty."""
        number, completion = self._inbox.get(timeout=timeout)
        job = self._jobs[completion.key]
        if number is not None:
            return self._take_part(self._long[job.job_id], number, completion)
        if not self._plan.split or completion.error != TOO_LONG:
            return read_whole(self._plan.task, job, completion)
        context_tokens = self._engine.model.context_tokens
        assembly = Assembly(self._plan.task, job, completion, context_tokens)
        if self.withdrawn:
            assembly.stop()
            return assembly.answer()
        self._long[job.job_id] = assembly
        return self._go_on(assembly, assembly.begin())

    def _take_part(self, assembly: Assembly, number: int, completion: Completion) -> Answer | None:
        had_failed = assembly.failed
        asks = assembly.take(number, completion)
        if assembly.failed and not had_failed and assembly.waits:
            self._engine.withdraw([completion.key])  # the row's other parts are of no use
        return self._go_on(assembly, asks)

    def _go_on(self, assembly: Assembly, asks: Sequence[Ask]) -> Answer | None:
        for ask in asks:
            self._submit([ask.prompt], ask.number)
        if assembly.waits:
            return None
        answer = assembly.answer()
        del self._long[answer.job_id]
        return answer

    def _submit(self, prompts: Sequence[Prompt], number: int | None) -> None:
        """Queue prompts; what comes back is of the part `number`, or of whole rows."""
        try:
            self._engine.submit(prompts, partial(self._deliver, number), alone=self._alone)
        except SpecError as error:  # this model cannot tell the spec's labels apart
            for prompt in prompts:
                self._deliver(number, Completion(prompt.key, None, error=error.code))

    def _deliver(self, number: int | None, completion: Completion) -> None:
        self._inbox.put((number, completion))
