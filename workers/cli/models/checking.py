"""`sekisho models check`: files there, whole, the recorded ones; newer revisions on request."""

import os
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from jobs.errors import SekishoError, ServiceError
from workers.catalogue import list_own_files, read_catalogue
from workers.cli.models.describing import (
    HASH_CHARS,
    MaybeName,
    look,
    name_problem,
    used_format,
)
from workers.cli.options import LANGUAGE, Config, Db, Json, Redis, print_json, words
from workers.engines.llama.gguf import hash_model, list_parts
from workers.engines.load import check_model
from workers.hub import Hub
from workers.models import ModelFile, find_model, list_models
from workers.origin import Origin, read_origin
from workers.servers import describe_server, look_at_servers
from workers.settings import Settings, read_settings

Finding = dict[str, Any]


def check(
    name: MaybeName = None,
    online: Annotated[bool, typer.Option("--online", help=words("help_models_online"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    read_catalogue(settings)
    names = list_models(settings) if name is None else [name]
    hub = Hub(os.environ) if online else None
    findings = [] if name else list(_list_catalogues(settings))
    findings += [finding for one in names for finding in _examine(settings, one, hub)]
    if as_data:
        print_json({"findings": findings})
    else:
        for finding in findings:
            mark = "ok" if finding["good"] else "!!"
            typer.echo(f"{mark}  {finding['model']}: {finding['words']}")
    raise typer.Exit(0 if all(finding["good"] for finding in findings) else 1)


def _list_catalogues(settings: Settings) -> Iterator[Finding]:
    """Yield the user's own catalogues: they were read without complaint."""
    for path in list_own_files(settings):
        yield _found("catalogue", True, str(path))


def _found(name: str, good: bool, said: str, code: str | None = None) -> Finding:
    return {"model": name, "good": good, "code": code, "words": said}


def _examine(settings: Settings, name: str, hub: Hub | None) -> Iterator[Finding]:
    """Yield what was found: of the file, of what was prepared from it, of where it came from."""
    try:
        model = find_model(settings, name)
        check_model(model)
    except SekishoError as error:
        yield _found(name, False, words(error.code, **error.params), error.code)
        return
    if model.server_device is not None:
        yield from _examine_servers(model)
        return
    if model.path is None or model.section.engine != "llama":
        yield _found(name, True, model.section.engine)
        return
    origin = read_origin(model.path)
    if origin is not None and len(list_parts(model.path)) != len(origin.parts):
        said = words("model_part_missing", model=name, parts=len(origin.parts))
        yield _found(name, False, said, "model_part_missing")
        return
    file_hash = hash_model(model.path)
    if model.expected_sha256 not in (None, file_hash):
        said = words("model_hash_differs", path=str(model.path), model=name)
        yield _found(name, False, said, "model_hash_differs")
        return
    known = "" if model.expected_sha256 else f", {words('model_not_recorded')}"
    yield _found(name, True, f"{model.path} (sha256 {file_hash[:HASH_CHARS]}{known})")
    yield from _examine_prepared(model)
    if hub is not None and origin is not None and origin.repository is not None:
        yield _compare_revision(name, origin, origin.repository, hub)


def _examine_servers(model: ModelFile) -> Iterator[Finding]:
    try:
        states = look_at_servers(model, LANGUAGE)
    except SekishoError as error:
        yield _found(model.name, False, words(error.code, **error.params), error.code)
        return
    for state in states:
        said = f"{state.server}: {describe_server(state, LANGUAGE)}"
        yield _found(model.name, state.problem is None, said, state.problem)


def _examine_prepared(model: ModelFile) -> Iterator[Finding]:
    found = look(model, thorough=True)
    if found.record is None:
        code = name_problem(model, found)
        good = code in ("prepared_none", "prepared_off")
        yield _found(model.name, good, words(code), code)
    elif found.path is not None:
        said = f"{found.path} ({used_format(found.record)})"
        yield _found(model.name, True, said)


def _compare_revision(name: str, origin: Origin, repository: str, hub: Hub) -> Finding:
    """Tell whether the hub has another file now; a hub that cannot be asked is no fault of ours.

    A newer commit that leaves the file as it is (a model card was mended) is not news.
    """
    try:
        newest = hub.newest_revision(repository)
        if newest == origin.revision:
            return _found(name, True, words("revision_newest", repository=repository))
        remotes = [hub.look_up(repository, part.source_name, newest) for part in origin.parts]
    except ServiceError as error:
        said = words("revision_unknown", problem=words(error.code, **error.params))
        return _found(name, True, said, "revision_unknown")
    except SekishoError as error:
        return _found(name, False, words(error.code, **error.params), error.code)
    if [remote.sha256 for remote in remotes] == [part.sha256 for part in origin.parts]:
        return _found(name, True, words("revision_same_file", repository=repository))
    said = words("revision_newer", repository=repository, revision=newest, model=name)
    return _found(name, True, said, "revision_newer")
