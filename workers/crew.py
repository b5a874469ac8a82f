"""The crew of a run: live workers if there are any, else one of our own on this machine."""

from collections.abc import Callable, Collection, Sequence

from jobs.errors import ModelError
from jobs.job import CLOUD_QUEUE
from jobs.store import Database, recovery, workers
from jobs.store.workers import LiveWorker
from workers.models import find_model
from workers.process import NETWORK
from workers.settings import Settings
from workers.supervise import Post, Supervisor


class Crew:
    """Sees to it that somebody answers the models of a run."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        device: str,
        on_event: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._database = database
        self._device = device
        self._on_event = on_event
        self._own: dict[str, Supervisor] = {}
        self._checks: list[Callable[[], None]] = []

    def watch(self, check: Callable[[], None]) -> None:
        """Let `ensure` raise what `check` raises, too."""
        self._checks.append(check)

    def ensure(self, needed: Sequence[str]) -> None:
        """See to it that the models that have work, cheap to dear, are answered.

        Raises what keeps a worker of ours from working. Local models share the device one after
        the other: two engines on the same cores run at a tenth of their speed. Models on servers
        share nothing and work beside them.
        """
        for check in self._checks:
            check()
        elsewhere = [name for name in needed if self._find_device(name) != self._device]
        local = [name for name in needed if name not in elsewhere]
        for name in list(self._own):
            if local and name != local[0] and self._find_device(name) == self._device:
                self._own.pop(name).stop()
        for name in local[:1] + elsewhere:
            self._ensure_one(name)

    def _ensure_one(self, model_name: str) -> None:
        own = self._own.get(model_name)
        if own is not None:
            if own.failure is not None:
                raise own.failure
            return
        if self._find_live(model_name):
            return
        device = self._find_device(model_name)
        supervisor = Supervisor(
            Post(model_name, device),
            self._settings,
            self._database,
            log_path=self._settings.state_folder / f"worker-{device}.log",
            on_event=self._on_event,
        )
        self._own[model_name] = supervisor
        supervisor.start()

    def _find_device(self, model_name: str) -> str:
        """Return what a worker of ours would work on: this machine's device, or none of its."""
        if model_name == CLOUD_QUEUE:
            return NETWORK
        section = self._settings.models.get(model_name)
        if section is None or section.engine != "openai":
            return self._device
        return find_model(self._settings, model_name).server_device or self._device

    def dismiss_failed(self) -> None:
        """Let go of workers of ours that gave up, so that `ensure` starts new ones."""
        for name in [name for name, own in self._own.items() if own.failure is not None]:
            self._own.pop(name).stop()

    def wait_ready(self, model_name: str) -> None:
        """Wait until our own worker, if there is one, has loaded its model."""
        own = self._own.get(model_name)
        if own is not None:
            own.wait_ready()

    def check_pins(self, pins: dict[str, str | None]) -> None:
        """Raise ModelError if a batch is pinned to a file that no live worker holds."""
        for model_name, pinned in pins.items():
            live = workers.list_live(self._database, [model_name])
            if pinned and live and all(worker.model_hash != pinned for worker in live):
                raise ModelError("model_pinned", model=model_name, pinned=pinned[:12])

    def stop(self) -> None:
        """Let our own workers commit what is finished and end."""
        try:
            for supervisor in self._own.values():
                supervisor.stop()
        except KeyboardInterrupt:
            self.kill()
            raise

    def kill(self) -> None:
        """End our own workers now."""
        for supervisor in self._own.values():
            supervisor.kill()

    def _find_live(self, model_name: str) -> Collection[LiveWorker]:
        """Return live workers, after burying those of this machine whose process is gone."""
        for worker_id in workers.list_gone(self._database):
            workers.retire(self._database, worker_id)
            recovery.recover_worker(self._database, worker_id)
        return workers.list_live(self._database, [model_name])
