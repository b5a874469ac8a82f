"""Finds out what a server can do: its model, how it takes a schema, if it tells how sure it is."""

import json
import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from jobs.errors import ModelError, RetryableError, SekishoError, ServiceError, SettingError
from jobs.prompt import ConfidenceSource, Question
from workers.engines.openai.dialects import (
    PAGES,
    Identity,
    choose_name,
    guess,
    identify,
    list_names,
)
from workers.engines.openai.failures import Meaning, explain, find_error
from workers.engines.openai.reply import Reply, read_reply
from workers.engines.openai.request import FORMS, HELD, Form, build_body
from workers.engines.openai.wire import Heard, Wire, WireError

WORD: Final = "qxzulk"
"""No model says this unless the schema makes it."""
SCHEMA: Final = json.dumps(
    {
        "type": "object",
        "properties": {"word": {"type": "string", "enum": [WORD]}},
        "required": ["word"],
        "additionalProperties": False,
    }
)
TRIAL: Final = Question(0, "You are polite.", "Say hello.", SCHEMA, 256)
WELL: Final = Question(0, "You are polite.", "Say hello.", SCHEMA, 4)
WELL_SECONDS: Final = 60.0
"""A server that has nothing else to do answers a tiny question sooner."""
SURPRISE: Final = -3.0
"""The forced word is less likely than e**-3 to a model. One that says it is likelier has looked at
its probabilities only after the schema had struck out all else, and knows nothing of itself."""
NAMES_SHOWN: Final = 10


class NotReadyError(RetryableError):
    """The server is there, but loads its model or is busy: later."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a server is and how it is to be asked."""

    identity: Identity
    form: Form
    logprobs: bool

    @property
    def confidence_source(self) -> ConfidenceSource:
        """What its answers say about how sure they are."""
        return "token_logprobs" if self.logprobs else "none"

    @property
    def numerics(self) -> str:
        """Words for all that its answers hang on beside the model."""
        who = f"{self.identity.dialect} {self.identity.version}".strip()
        return f"{who}, {self.form}, {self.confidence_source}"


async def look(wire: Wire, name: str, wanted: str | None) -> Identity:
    """Ask a server who it is, without having it compute anything.

    Raises NotReadyError, ServiceError for one that does not answer as such a server does, and
    SettingError or ModelError for one that is not the one that was meant.
    """
    try:
        heard = await wire.look(f"{wire.address.path}/models")
        models = _read_models(heard, wire, name)
        chosen = choose_name(models, wanted)
        if chosen is None:
            raise _explain_choice(models, wire, name, wanted)
        pages = {}
        for page in PAGES[guess(models, chosen)]:
            told = await wire.look(page)
            if told.status == 200 and find_error(told.data) is None:
                pages[page] = told.data
    except WireError as error:
        raise _explain_wire(error, wire, name) from None
    return identify(models, chosen, pages)


async def probe(wire: Wire, name: str, wanted: str | None, *, trusted: bool = False) -> Profile:
    """Find out what a server can do by a few tiny questions; raises what `look` raises.

    A schema counts as taken only if it makes the model say what no model says; log-probabilities
    count only if they show how much that surprised it.
    """
    before = await look(wire, name, wanted)
    _require_own(before, wire, name, trusted=trusted)
    found = await _find_way(wire, name, before.model)
    if found.faulty:  # what it failed at while it was unwell it may do now
        found = await _find_way(wire, name, before.model)
    # Looked at again: some load a model when it is first asked.
    after = await look(wire, name, wanted)
    _require_own(after, wire, name, trusted=trusted)
    return Profile(after, found.form, found.logprobs)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a server is to be asked; `faulty`: it failed at a better way, which says little."""

    form: Form
    logprobs: bool
    faulty: bool


async def _find_way(wire: Wire, name: str, model: str) -> _Way:
    """Return the best way that works; raises ServiceError (server_unfit) where none does."""
    last: Meaning | None = None
    faulty = False
    for form in FORMS:
        for logprobs in (True, False):
            last, reply = await _try(wire, name, model, form, logprobs=logprobs)
            faulty = faulty or last.kind == "fault"
            if reply is None:
                continue
            if not _obeys(form, reply):
                break
            return _Way(form, logprobs and _knows_itself(form, reply), faulty)
    code = "server_nonsense" if last is None or last.code is None else last.code
    raise ServiceError("server_unfit", model=name, host=wire.address.shown, problem=code)


async def is_well(wire: Wire, model: str) -> bool:
    """Say whether a server answers a tiny question now."""
    body = build_body(model, WELL, "words", logprobs=False)
    try:
        heard = await wire.call("chat/completions", body, most_seconds=WELL_SECONDS)
    except WireError:
        return False
    return explain(heard).kind == "answer" and read_reply(heard.data) is not None


async def _try(
    wire: Wire, name: str, model: str, form: Form, *, logprobs: bool
) -> tuple[Meaning, Reply | None]:
    body = build_body(model, TRIAL, form, logprobs=logprobs)
    try:
        heard = await wire.call("chat/completions", body)
    except WireError as error:
        raise _explain_wire(error, wire, name) from None
    meaning = explain(heard)
    if meaning.kind in ("busy", "loading"):
        raise NotReadyError(meaning.code or "server_busy", host=wire.address.shown, model=name)
    if meaning.kind == "not_served":
        raise _explain_meaning(meaning, wire, name)
    return meaning, read_reply(heard.data, fenced=True) if meaning.kind == "answer" else None


def _obeys(form: Form, reply: Reply) -> bool:
    if form == "words":
        return True
    try:
        said = json.loads(reply.text)
    except ValueError:
        return False
    return said == {"word": WORD} if form in HELD else isinstance(said, dict)


def _knows_itself(form: Form, reply: Reply) -> bool:
    if not reply.tokens:
        return False
    total = math.fsum(token.logprob for token in reply.tokens)
    return total < (SURPRISE if form in HELD else 0.0)


def _read_models(heard: Heard, wire: Wire, name: str) -> Any:
    """Return the list of models; raises what else came."""
    if heard.status == 200 and list_names(heard.data) is not None:
        return heard.data
    meaning = explain(heard)
    if meaning.kind in ("busy", "loading"):
        raise NotReadyError(meaning.code or "server_busy", host=wire.address.shown, model=name)
    if meaning.kind == "not_served":
        raise _explain_meaning(meaning, wire, name)
    raise ServiceError("server_nonsense", model=name, host=wire.address.shown)


def _explain_choice(models: Any, wire: Wire, name: str, wanted: str | None) -> SekishoError:
    names = list_names(models) or []
    listed = ", ".join(names[:NAMES_SHOWN])
    if not names:
        return ServiceError("server_no_models", model=name, host=wire.address.shown)
    code = "server_many_models" if wanted is None else "server_model_missing"
    return ModelError(code, model=name, host=wire.address.shown, wanted=wanted, known=listed)


def _explain_meaning(meaning: Meaning, wire: Wire, name: str) -> SekishoError:
    code = meaning.code or "server_nonsense"
    kind: type[SekishoError] = SettingError if code != "server_serves_not" else ServiceError
    return kind(code, model=name, host=wire.address.shown)


def _explain_wire(error: WireError, wire: Wire, name: str) -> ServiceError:
    codes: dict[str, Literal["server_unreachable", "server_slow", "server_nonsense"]] = {
        "unreachable": "server_unreachable",
        "lost": "server_unreachable",
        "timeout": "server_slow",
        "unreadable": "server_nonsense",
    }
    return ServiceError(codes[error.trouble], model=name, host=wire.address.shown)


def _require_own(identity: Identity, wire: Wire, name: str, *, trusted: bool) -> None:
    """Refuse a server that hands rows on to somebody else's."""
    if identity.remote is not None and not trusted:
        host = wire.address.shown
        raise SettingError("server_hands_on", model=name, host=host, remote=identity.remote)
