"""`sekisho doctor`: looks at everything a run needs and says what is wrong and what to do."""

import importlib.metadata
import platform
import shutil
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jobs.errors import SekishoError
from jobs.prices import Price, built_in_prices
from jobs.spec import Spec
from jobs.store import notifications, open_database, price_list, schema, sqlite_file
from jobs.store.notifications import Undelivered
from jobs.words import say
from workers.broker import Queues
from workers.engines.llama.gguf import hash_model
from workers.engines.load import check_model
from workers.models import BUILT_IN, ModelFile, find_model
from workers.preflight import look_at_cloud
from workers.redis_guard import find_redis_server
from workers.servers import describe_server, look_at_servers
from workers.settings import Settings

FEATURES: Final = ("avx2", "f16c", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
COMPILERS: Final = ("c++", "g++", "clang++")
UNDELIVERED_SECONDS: Final = 7 * 86_400.0
"""How far back the doctor looks for news that nobody took."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `words` say what was found and, if it is not good, what to do.

    A `warning` is nothing wrong, but probably not what was meant.
    """

    name: str
    good: bool
    words: str
    warning: bool = False


def examine(settings: Settings, spec: Spec | None = None) -> list[Finding]:
    """Look at Python, compiler, llama.cpp, processor, model files, database and Redis.

    With a spec also at the models and the cloud that it names.
    """
    wanted = () if spec is None else spec.route.tiers
    return [
        Finding("python", good=True, words=f"{platform.python_version()} {platform.platform()}"),
        _look_for_compiler(settings),
        _look_for_llama(settings),
        _look_at_processor(settings),
        *_look_at_models(settings, wanted),
        _look_at_database(settings),
        _look_at_redis(settings),
        *_look_at_webhook(settings),
        *(() if spec is None else _look_at_cloud(settings, spec)),
    ]


def _look_at_cloud(settings: Settings, spec: Spec) -> Iterator[Finding]:
    own: tuple[Price, ...] = ()
    with suppress(SekishoError):  # the database's own finding says why
        own = price_list.find_stored(settings.database_url)
    for remark in look_at_cloud(spec, (*own, *built_in_prices()), from_here=True):
        words = say(remark.code, settings.language, **remark.params)
        good, warning = remark.level != "bad", remark.level == "warning"
        yield Finding(f"cloud {remark.about}", good=good, words=words, warning=warning)


def _look_for_compiler(settings: Settings) -> Finding:
    found = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    words = found or say("doctor_no_compiler", settings.language)
    return Finding("compiler", good=True, words=words, warning=found is None)


def _look_for_llama(settings: Settings) -> Finding:
    try:
        version = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return Finding(
            "llama-cpp-python", good=False, words=say("doctor_no_llama", settings.language)
        )
    return Finding("llama-cpp-python", good=True, words=version)


def _look_at_processor(settings: Settings) -> Finding:
    cpuinfo = Path("/proc/cpuinfo")
    flags: set[str] = set()
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        flags = {flag for line in lines if line.startswith("flags") for flag in line.split()}
    known = [name for name in FEATURES if name in flags]
    good = "avx2" in flags or platform.machine() not in ("x86_64", "AMD64")
    words = " ".join(known) or platform.machine()
    if not good:
        words = say("doctor_slow_processor", settings.language)
    return Finding("processor", good=good, words=words)


def _look_at_models(settings: Settings, wanted: Collection[str]) -> Iterator[Finding]:
    for name in sorted({*BUILT_IN, *settings.models, *wanted}):
        try:
            model = find_model(settings, name)
            check_model(model)
        except SekishoError as error:
            yield Finding(f"model {name}", good=False, words=_words(error, settings))
            continue
        if model.server_device is None:
            yield _check_hash(model, settings)
        else:
            yield from _ask_servers(model, settings)


def _ask_servers(model: ModelFile, settings: Settings) -> Iterator[Finding]:
    """Ask the servers of a model who they are and what they can do."""
    try:
        states = look_at_servers(model, settings.language)
    except SekishoError as error:
        yield Finding(f"model {model.name}", good=False, words=_words(error, settings))
        return
    for state in states:
        words = describe_server(state, settings.language)
        name = f"model {model.name} at {state.server}"
        warning = state.problem is None and state.confidence_source == "none"
        yield Finding(name, good=state.problem is None, words=words, warning=warning)


def _check_hash(model: ModelFile, settings: Settings) -> Finding:
    name = f"model {model.name}"
    if model.path is None or model.expected_sha256 is None:
        return Finding(name, good=True, words=str(model.path or model.section.engine))
    found = hash_model(model.path)
    if found != model.expected_sha256:
        words = say("model_hash_differs", settings.language, path=str(model.path), model=model.name)
        return Finding(name, good=False, words=words)
    return Finding(name, good=True, words=f"{model.path} (sha256 {found[:12]})")


def _look_at_database(settings: Settings) -> Finding:
    try:
        path = sqlite_file(settings.database_url)
        if path is not None and not path.exists():
            words = say("doctor_no_database", settings.language, file=str(path))
            return Finding("database", good=path.parent.is_dir(), words=words)
        database = open_database(settings.database_url)
        revision = schema.describe(database)
        database.close()
    except SekishoError as error:
        return Finding("database", good=False, words=_words(error, settings))
    head = schema.head_revision()
    shown = f"{database.shown} ({database.dialect}, {revision or '-'})"
    empty = revision is None and database.dialect == "sqlite"  # filled by the first command
    if revision != head and not empty:
        words = say("database_not_upgraded", settings.language, database=database.shown)
        return Finding("database", good=False, words=words)
    return Finding("database", good=True, words=shown)


def _look_at_redis(settings: Settings) -> Finding:
    try:
        if settings.redis_url is None:
            return Finding("redis", good=True, words=f"{find_redis_server()} (embedded)")
        queues = Queues(settings.redis_url)
        queues.ping()
        queues.close()
    except SekishoError as error:
        return Finding("redis", good=False, words=_words(error, settings))
    return Finding("redis", good=True, words=queues.shown)


def _look_at_webhook(settings: Settings) -> Iterator[Finding]:
    """Say what the webhook did not take; nothing without one, or without a database."""
    webhook = settings.notify.webhook
    if webhook is None:
        return
    host = urlsplit(webhook.get_secret_value()).hostname or ""
    words = say("doctor_webhook", settings.language, host=host)
    path = sqlite_file(settings.database_url)
    left = Undelivered(0, 0, None)
    if path is None or path.exists():
        # the database's own finding says what is wrong with it
        with suppress(SekishoError), closing(open_database(settings.database_url)) as database:
            left = notifications.find_undelivered(database, UNDELIVERED_SECONDS)
    named = {"host": host, "problem": left.problem}
    if left.given_up:
        words = say("doctor_webhook_given_up", settings.language, count=left.given_up, **named)
    elif left.failing:
        words = say("doctor_webhook_fails", settings.language, count=left.failing, **named)
    yield Finding("webhook", good=not left.given_up, words=words, warning=bool(left.failing))


def _words(error: SekishoError, settings: Settings) -> str:
    return say(error.code, settings.language, **error.params)
