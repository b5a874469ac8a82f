"""Finds out about the servers of a model and makes the engine that asks them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

import structlog

from jobs.errors import SekishoError, ServiceError, SettingError
from workers.engines.openai.access import Address, Resolve, admit, look_up, read_address, read_key
from workers.engines.openai.engine import ServerEngine
from workers.engines.openai.pace import Pace
from workers.engines.openai.probe import NotReadyError, Profile, probe
from workers.engines.openai.returning import Watch
from workers.engines.openai.server import Server
from workers.engines.openai.wire import Wire
from workers.engines.protocol import EngineModel
from workers.settings import ModelSection

log = structlog.get_logger()

WAIT_SECONDS: Final = 1.0
"""Between two looks at a server that is not ready."""
START_ROWS: Final = 4
"""How many rows a server is sent at first that does not say how many it answers at once."""
CONTEXT_TOKENS: Final = 4096
"""Assumed where no server says and the settings do not: it decides how long texts are cut."""
PLACE_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class Found:
    """What came of asking one server: what it can do, or why that is not known."""

    address: Address
    ips: tuple[str, ...]
    profile: Profile | None
    problem: SekishoError | None = None


def ask_servers(
    name: str,
    section: ModelSection,
    stop: Event,
    on_wait: Callable[[], None] = lambda: None,
    *,
    resolve: Resolve = look_up,
) -> list[Found]:
    """Ask every server of a model what it can do; those that load a model are waited for.

    Raises SettingError before anything is sent if an address or the key is wrong.
    """
    key = read_key(section, name)
    addresses = [read_address(url, name) for url in section.urls]
    admitted = []
    for address in addresses:
        try:
            admitted.append(admit(address, name, trusted=section.trusted, resolve=resolve))
        except ServiceError as error:
            admitted.append(())
            log.warning("server_down", model=name, server=address.shown, code=error.code)
    search = _Search(name, section, key, stop, on_wait)
    return asyncio.run(search.ask_all(list(zip(addresses, admitted, strict=True))))


def load_servers(
    name: str, section: ModelSection, stop: Event, on_wait: Callable[[], None] = lambda: None
) -> ServerEngine:
    """Return an engine over those servers of a model that can be asked; the others may come later.

    Raises what is wrong with the first server if none can be asked, any SettingError and
    ModelError, and SettingError `servers_differ` if they serve different models.
    """
    found = ask_servers(name, section, stop, on_wait)
    for one in found:
        if one.problem is not None and not isinstance(one.problem, ServiceError):
            raise one.problem
    profiles = [one.profile for one in found if one.profile is not None]
    if not profiles:
        raise found[0].problem or ServiceError("server_unreachable", model=name, host="-")
    fingerprint = profiles[0].identity.fingerprint
    if any(profile.identity.fingerprint != fingerprint for profile in profiles):
        raise SettingError("servers_differ", model=name)
    for one in found:
        _tell(name, one)
    key = read_key(section, name)
    return ServerEngine(
        describe(name, section, profiles),
        [_make_server(section, one, key) for one in found],
        Watch(name, section.model, fingerprint, trusted=section.trusted),
        patience_seconds=section.give_up_seconds,
        timeout_seconds=section.timeout_seconds,
        thinking_tokens=section.thinking_tokens,
    )


def describe(name: str, section: ModelSection, profiles: Sequence[Profile]) -> EngineModel:
    """Return the model that several servers serve, as far as all of them can."""
    known = [one.identity.context_tokens for one in profiles if one.identity.context_tokens]
    told = min(known, default=CONTEXT_TOKENS)
    first = profiles[0]
    return EngineModel(
        name,
        first.identity.fingerprint,
        min(told, section.context_tokens or told) if known else section.context_tokens or told,
        numerics="; ".join(sorted({profile.numerics for profile in profiles})),
        place=f"{first.identity.dialect}, {first.confidence_source}"[:PLACE_CHARS],
    )


def _make_server(section: ModelSection, found: Found, key: str | None) -> Server:
    wire = Wire(found.address, found.ips, key=key, timeout_seconds=section.timeout_seconds)
    slots = None if found.profile is None else found.profile.identity.slots
    return Server(wire, found.profile, Pace(slots or START_ROWS, section.max_concurrency))


def _tell(name: str, found: Found) -> None:
    if found.profile is None:
        code = "server_unreachable" if found.problem is None else found.problem.code
        log.warning("server_down", model=name, server=found.address.shown, code=code)
        return
    identity = found.profile.identity
    log.info(
        "server_ready",
        model=name,
        server=found.address.shown,
        dialect=identity.dialect,
        version=identity.version,
        served=identity.model,
        context_tokens=identity.context_tokens,
        schema=found.profile.form,
        confidence_source=found.profile.confidence_source,
    )


class _Search:
    """Asks all servers at once, each until it is ready, has said no, or time is up."""

    def __init__(
        self,
        name: str,
        section: ModelSection,
        key: str | None,
        stop: Event,
        on_wait: Callable[[], None],
    ) -> None:
        self._name = name
        self._section = section
        self._key = key
        self._stop = stop
        self._on_wait = on_wait
        self._said = False

    async def ask_all(self, places: Sequence[tuple[Address, tuple[str, ...]]]) -> list[Found]:
        return list(await asyncio.gather(*(self._ask(*place) for place in places)))

    async def _ask(self, address: Address, ips: tuple[str, ...]) -> Found:
        wire = Wire(address, ips, key=self._key, timeout_seconds=self._section.timeout_seconds)
        try:
            return Found(address, ips, await self._wait_for(wire))
        except SekishoError as error:
            return Found(address, ips, None, error)
        finally:
            await wire.close()

    async def _wait_for(self, wire: Wire) -> Profile:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._section.load_seconds
        while True:
            try:
                section = self._section
                return await probe(wire, self._name, section.model, trusted=section.trusted)
            except NotReadyError as error:
                if self._stop.is_set() or loop.time() >= until:
                    raise ServiceError(error.code, **error.params) from None
                self._say_once()
            await asyncio.sleep(WAIT_SECONDS)

    def _say_once(self) -> None:
        if not self._said:
            self._said = True
            log.info("server_loading", model=self._name)
            self._on_wait()
