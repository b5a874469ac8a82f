"""The rows of one lease: each comes back once, however many parts it had and whoever answered it.

Used by one thread, the executor's; only the inbox is filled by others.
"""

import queue
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from jobs.cache import KeptAnswer, make_cache_key, pack
from jobs.errors import SpecError
from jobs.job import Job
from jobs.prompt import Completion, Prompt, Question, Usage
from jobs.tasks import Answer, Ask, Assembly, read_whole
from jobs.tasks.split import TOO_LONG, WITHDRAWN
from jobs.verdict import Plan
from workers.engines import Engine
from workers.leaders import Sharing


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A prompt of a row, or a question; `number` is that of a part, None for the whole.

    `cache_key` is None where equal prompts are not to share an answer.
    """

    prompt: Prompt | Question
    number: int | None
    cache_key: str | None


class Arrival(NamedTuple):
    """What came for a prompt: an answer, computed for it or not; None: it is to be asked."""

    asked: Asked
    completion: Completion | None
    computed: bool


@dataclass(slots=True)
class Origin:
    """Where a row's answer comes from: its prompts, what was computed for them and what taken."""

    asked: list[Asked] = field(default_factory=list)
    computed: bool = False
    taken: Usage | None = None
    kept: list[KeptAnswer] = field(default_factory=list)


class Rows:
    """Asks an engine about rows, and about the parts of those that are too long for it.

    With `sharing` equal prompts are asked once; those of rows that run `alone` never share.
    """

    def __init__(
        self,
        engine: Engine,
        plan: Plan,
        jobs: Sequence[Job],
        *,
        alone: bool,
        sharing: Sharing | None = None,
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._jobs = {job.job_id: job for job in jobs}
        self._alone = alone
        self._sharing = None if alone else sharing
        self._inbox: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._long: dict[int, Assembly] = {}
        self._origins = {job.job_id: Origin() for job in jobs}
        self.withdrawn = False

    def submit(self) -> None:
        """Ask about every row as a whole. Raises EngineStopped, as `get` does."""
        task = self._plan.task
        make = task.render if self._engine.asks == "prompt" else task.question
        self._ask([(None, make(job)) for job in self._jobs.values()])

    def withdraw(self) -> None:
        """Take back what is not finished; a row whose parts are out goes back whole."""
        self.withdrawn = True
        for assembly in self._long.values():
            assembly.stop()
        self._take_back(self._jobs)

    def get(self, timeout: float) -> Answer | None:
        """Return a row's answer, None if what came ends no row; raises queue.Empty."""
        asked, completion, computed = self._inbox.get(timeout=timeout)
        if completion is None:
            self._ask_after_all(asked)
            return None
        completion = self._note(asked, completion, computed=computed)
        job = self._jobs[completion.key]
        if asked.number is not None:
            return self._take_part(self._long[job.job_id], asked.number, completion)
        if not self._plan.split or completion.error != TOO_LONG:
            return self._finish(read_whole(self._plan.task, job, completion))
        context_tokens = self._engine.model.context_tokens
        asks = self._engine.asks
        assembly = Assembly(self._plan.task, job, completion, context_tokens, asks)
        if self.withdrawn:
            assembly.stop()
            return assembly.answer()
        self._long[job.job_id] = assembly
        return self._go_on(assembly, assembly.begin())

    def kept_of(self, answers: Sequence[Answer]) -> list[KeptAnswer]:
        """Return what the engine answered to these rows, to be kept with them."""
        return [kept for answer in answers for kept in self._origins[answer.job_id].kept]

    def release(self, job_ids: Collection[int]) -> None:
        """Lead no prompt of these rows any more: they are committed, or given up."""
        for job_id in job_ids:
            for asked in self._origins[job_id].asked:
                if self._sharing is not None and asked.cache_key is not None:
                    self._sharing.leaders.release(asked.cache_key, asked)

    def close(self) -> None:
        """Let go of every row; who follows one of them is answered by somebody else."""
        self._engine.withdraw(list(self._jobs), owner=self)
        self.release(self._jobs)

    def _ask(self, prompts: Sequence[tuple[int | None, Prompt | Question]]) -> None:
        """Ask about whole rows (number None) or parts; what is known already is not asked."""
        asked = [Asked(prompt, number, self._name(prompt)) for number, prompt in prompts]
        for one in asked:
            self._origins[one.prompt.key].asked.append(one)
        leading = [one for one in asked if self._leads(one)]
        known = self._find(leading)
        self._send([one for one in leading if one not in known])
        for one, completion in known.items():
            self._share(one, completion)
            self._inbox.put(Arrival(one, completion, computed=False))

    def _name(self, prompt: Prompt | Question) -> str | None:
        model = self._engine.model
        if self._sharing is None:
            return None
        return make_cache_key(prompt, model.file_hash, model.numerics)

    def _leads(self, asked: Asked) -> bool:
        """Say whether a prompt is to be asked by us; else its answer comes from its leader."""
        if self._sharing is None or asked.cache_key is None:
            return True

        def follow(completion: Completion | None) -> None:
            self._inbox.put(Arrival(asked, completion, computed=False))

        return self._sharing.leaders.join(asked.cache_key, asked, follow)

    def _find(self, asked: Sequence[Asked]) -> Mapping[Asked, Completion]:
        """Return the answers that are known from before; only leaders look for them."""
        if self._sharing is None:
            return {}
        by_key = {one.cache_key: one for one in asked if one.cache_key is not None}
        return {by_key[key]: found for key, found in self._sharing.find(by_key).items()}

    def _ask_after_all(self, asked: Asked) -> None:
        """Ask what a leader was to answer, if it is still wanted."""
        assembly = self._long.get(asked.prompt.key)
        if self.withdrawn or (assembly is not None and assembly.failed):
            self._put_error([asked], WITHDRAWN)
        else:
            self._send([asked])

    def _note(self, asked: Asked, completion: Completion, *, computed: bool) -> Completion:
        """Note where an answer came from, share what was computed; return it as the row's own."""
        origin = self._origins[asked.prompt.key]
        if not computed:
            usage = replace(completion.usage, device_ms=0.0)
            origin.taken = usage if origin.taken is None else origin.taken + usage
            return replace(completion, key=asked.prompt.key, usage=Usage())
        if completion.error is None:
            origin.computed = True
            packed = None if asked.cache_key is None else pack(completion)
            if asked.cache_key is not None and packed is not None:
                origin.kept.append(KeptAnswer(asked.cache_key, completion.key, packed))
        self._share(asked, completion)
        return completion

    def _share(self, asked: Asked, completion: Completion) -> None:
        """Tell the followers of a prompt what came of it."""
        if self._sharing is None or asked.cache_key is None:
            return
        leaders = self._sharing.leaders
        if completion.error is None:
            leaders.answer(asked.cache_key, asked, completion)
        elif completion.error == WITHDRAWN:
            leaders.release(asked.cache_key, asked)
        else:
            leaders.refuse(asked.cache_key, asked)

    def _finish(self, answer: Answer) -> Answer:
        """Return a row's answer, marked if nothing was computed for it.

        Its tokens are then those that the answers took when they were computed.
        """
        origin = self._origins[answer.job_id]
        if origin.taken is None or origin.computed or answer.error is not None:
            return answer
        return replace(answer, usage=origin.taken, cached=True)

    def _take_part(self, assembly: Assembly, number: int, completion: Completion) -> Answer | None:
        had_failed = assembly.failed
        asks = assembly.take(number, completion)
        if assembly.failed and not had_failed and assembly.waits:
            self._take_back([completion.key])  # the row's other parts are of no use
        return self._go_on(assembly, asks)

    def _go_on(self, assembly: Assembly, asks: Sequence[Ask]) -> Answer | None:
        if asks:
            self._ask([(ask.number, ask.prompt) for ask in asks])
        if assembly.waits:
            return None
        answer = assembly.answer()
        del self._long[answer.job_id]
        return self._finish(answer)

    def _take_back(self, job_ids: Collection[int]) -> None:
        """Have what is still out of these rows come back as withdrawn."""
        self._engine.withdraw(list(job_ids), owner=self)
        if self._sharing is None:
            return
        for asked in [one for job_id in job_ids for one in self._origins[job_id].asked]:
            key = asked.cache_key
            if key is not None and self._sharing.leaders.leave(key, asked):
                self._put_error([asked], WITHDRAWN)

    def _send(self, asked: Sequence[Asked]) -> None:
        """Queue prompts at the engine: whole rows together, parts one by one."""
        whole = [one for one in asked if one.number is None]
        parts = [[one] for one in asked if one.number is not None]
        for together in ([whole] if whole else []) + parts:
            self._submit(together)

    def _submit(self, together: Sequence[Asked]) -> None:
        by_row = {one.prompt.key: one for one in together}

        def deliver(completion: Completion) -> None:
            self._inbox.put(Arrival(by_row[completion.key], completion, computed=True))

        try:
            prompts = [one.prompt for one in together]
            self._engine.submit(prompts, deliver, alone=self._alone, owner=self)
        except SpecError as error:  # this model cannot tell the spec's labels apart
            self._put_error(together, error.code)

    def _put_error(self, asked: Sequence[Asked], code: str) -> None:
        for one in asked:
            error = Completion(one.prompt.key, None, error=code)
            self._inbox.put(Arrival(one, error, computed=True))
