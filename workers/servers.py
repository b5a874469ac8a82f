"""What the servers of a model say when somebody looks: `models show`, `models check`, `doctor`."""

from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

from jobs.errors import SekishoError
from jobs.words import Language, say
from workers.models import ModelFile


@dataclass(frozen=True, slots=True)
class ServerState:
    """One server, asked just now. `problem` is the code of what keeps it from being used, with
    its words; the other facts are None then, and where the server does not say."""

    server: str
    served: str | None = None
    dialect: str | None = None
    version: str | None = None
    context_tokens: int | None = None
    schema: str | None = None
    confidence_source: str | None = None
    fingerprint: str | None = None
    problem: str | None = None
    words: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return asdict(self)


def look_at_servers(model: ModelFile, language: Language) -> list[ServerState]:
    """Ask every server of a model what it can do; those that load are not waited for.

    Raises SettingError for an address or a key that is wrong.
    """
    from workers.engines.openai import ask_servers  # noqa: PLC0415 - an HTTP client

    now = Event()
    now.set()
    states = []
    for found in ask_servers(model.name, model.section, now):
        if found.profile is None:
            states.append(_explain(found.address.shown, found.problem, language))
            continue
        identity = found.profile.identity
        states.append(
            ServerState(
                server=found.address.shown,
                served=identity.model,
                dialect=identity.dialect,
                version=identity.version or None,
                context_tokens=identity.context_tokens,
                schema=found.profile.form,
                confidence_source=found.profile.confidence_source,
                fingerprint=identity.fingerprint,
            )
        )
    prints = {state.fingerprint for state in states if state.fingerprint is not None}
    if len(prints) > 1:
        said = say("servers_differ", language, model=model.name)
        return [ServerState(state.server, problem="servers_differ", words=said) for state in states]
    return states


def describe_server(state: ServerState, language: Language) -> str:
    """Return one line about a server for people."""
    if state.words is not None:
        return state.words
    who = f"{state.dialect} {state.version or ''}".strip()
    return say(
        "server_state",
        language,
        served=state.served,
        dialect=who,
        context=state.context_tokens or "-",
        schema=state.schema,
        confidence=state.confidence_source,
    )


def _explain(server: str, problem: SekishoError | None, language: Language) -> ServerState:
    if problem is None:
        return ServerState(server, problem="server_unreachable")
    words = say(problem.code, language, **problem.params)
    return ServerState(server, problem=problem.code, words=words)
