"""Looks after servers: brings back those that are down, sees if one serves another model."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Never

import structlog

from jobs.errors import SekishoError
from workers.engines.openai.access import Address, admit
from workers.engines.openai.probe import look, probe
from workers.engines.openai.server import Server

PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
LOOK_EVERY_SECONDS: Final = 60.0

log = structlog.get_logger()


class Watch:
    """What a server must be to take part: the model `wanted`, with this fingerprint."""

    def __init__(
        self,
        name: str,
        wanted: str | None,
        fingerprint: str,
        *,
        trusted: bool = False,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
    ) -> None:
        self._name = name
        self._wanted = wanted
        self._fingerprint = fingerprint
        self._trusted = trusted
        self._pauses_seconds = pauses_seconds
        self._look_every_seconds = look_every_seconds

    async def bring_back(self, server: Server) -> None:
        """Wait until a server that is down serves this model again; its host is looked up anew."""
        number = 0
        while True:
            last = len(self._pauses_seconds) - 1
            await asyncio.sleep(self._pauses_seconds[min(number, last)])
            number += 1
            try:
                server.wire.move(await asyncio.to_thread(self._admit, server.wire.address))
                profile = await probe(server.wire, self._name, self._wanted, trusted=self._trusted)
            except SekishoError as error:
                log.info("server_away", model=self._name, server=server.shown, code=error.code)
                continue
            if profile.identity.fingerprint == self._fingerprint:
                server.come_back(profile)
                return
            self._say_changed(server)

    async def observe(self, server: Server, take_down: Callable[[Server, str], None]) -> Never:
        """See now and then whether a server that is up still serves the same model."""
        while True:
            await asyncio.sleep(self._look_every_seconds)
            if not server.up:
                continue
            try:
                identity = await look(server.wire, self._name, self._wanted)
            except SekishoError:
                continue  # whether it answers is seen by the rows
            if identity.fingerprint != self._fingerprint and server.up:
                self._say_changed(server)
                take_down(server, "server_changed")

    def _say_changed(self, server: Server) -> None:
        server.changed = True
        log.error("server_changed", model=self._name, server=server.shown)

    def _admit(self, address: Address) -> Sequence[str]:
        return admit(address, self._name, trusted=self._trusted)
