"""Models: `models list`, `models show`, `models prepare`, `models check`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from threading import Event, Timer
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from jobs.errors import ModelError, NotBuiltError, SekishoError, ServiceError
from workers.cli.operate import ANY_OPTIONS
from workers.cli.options import (
    LANGUAGE,
    Config,
    Db,
    Json,
    Redis,
    print_json,
    print_pairs,
    print_table,
    words,
)
from workers.device import CPU, hold_devices, locks_of
from workers.engines.llama.gguf import count_weights, hash_model
from workers.engines.load import check_model
from workers.engines.prepared import (
    DEFAULT_FORMATS,
    Found,
    Record,
    Request,
    find_prepared,
    is_current,
)
from workers.models import ModelFile, find_model, list_models
from workers.servers import describe_server, look_at_servers
from workers.settings import ModelSection, Settings, read_settings
from workers.view import make_view

WAIT_SECONDS: Final = 60.0
"""How long a preparation waits for the processor: beside a worker it would measure nonsense."""

HASH_CHARS: Final = 12
MEGABYTE: Final = 1_000_000
Name = Annotated[str, typer.Argument(metavar="NAME", help=words("help_models_name"))]
MaybeName = Annotated[str | None, typer.Argument(metavar="[NAME]", help=words("help_models_names"))]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help=words("help_models_group"), no_args_is_help=True)
    group.command("list", help=words("help_models_list"))(list_all)
    group.command("show", help=words("help_models_show"))(show)
    group.command("prepare", help=words("help_models_prepare"))(prepare)
    group.command("check", help=words("help_models_check"))(check)
    group.command("pull", hidden=True, context_settings=ANY_OPTIONS)(pull)
    app.add_typer(group, name="models")


def list_all(
    db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    told = [_describe(settings, name) for name in list_models(settings)]
    if as_data:
        print_json({"models": told})
        return
    names = ("name", "format", "size", "prepared", "file")
    print_table([words(f"models_{name}") for name in names], map(_as_cells, told))


def show(
    name: Name, db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    model = find_model(settings, name)
    check_model(model)
    told = _describe(settings, name)
    if model.server_device is not None:
        _show_servers(model, told, as_data=as_data)
        return
    found = _look(model)
    if as_data:
        told["record"] = found.record.model_dump(mode="json") if found.record else None
        print_json(told)
        return
    told["prepared"] = found.path
    keys = ("name", "format", "size", "file", "prepared")
    print_pairs([(words(f"models_{key}"), _show(told[key])) for key in keys])
    if found.record is None:
        typer.echo(words(_problem(model, found)))
    else:
        _show_record(found.record)


def _show_servers(model: ModelFile, told: dict[str, Any], *, as_data: bool) -> None:
    """Print what the servers of a model say now."""
    states = look_at_servers(model, LANGUAGE)
    if as_data:
        print_json(told | {"servers": [state.data for state in states]})
    else:
        print_pairs([(state.server, describe_server(state, LANGUAGE)) for state in states])
    raise typer.Exit(1 if any(state.problem for state in states) else 0)


def prepare(
    name: MaybeName = None,
    formats: Annotated[
        str | None, typer.Option(metavar="F,F", help=words("help_models_formats"))
    ] = None,
    allow_lower_precision: Annotated[
        bool, typer.Option("--allow-lower-precision", help=words("help_models_lower"))
    ] = False,
    force: Annotated[bool, typer.Option("--force", help=words("help_models_force"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    if name is not None and find_model(settings, name).section.engine != "llama":
        raise ModelError("prepare_no_file", model=name)
    names = [name] if name is not None else list(_preparable(settings))
    given = DEFAULT_FORMATS if formats is None else tuple(formats.lower().split(","))
    request = Request(
        formats=tuple(one.strip() for one in given), allow_lower_precision=allow_lower_precision
    )
    view = make_view(settings.language)
    told = []
    complaints = []
    with ExitStack() as stack:
        hold = cache(lambda: _hold_processor(stack, lambda: view.say("prepare_waits_device")))
        for one in names:
            try:
                model = find_model(settings, one)
                record, made = _prepare(model, request, view.say, force, hold)
            except ModelError as error:
                if name is not None:
                    raise
                complaints.append(error)
                view.say(error.code, **error.params)
                continue
            if not made:
                view.say("prepare_done_already", model=one)
            if model.section.prepared == "off":
                view.say("prepared_off")
            told.append({"model": one, "made": made, **record.model_dump(mode="json")})
            if not as_data:
                typer.echo(_sum_up(one, record))
    if as_data:
        print_json({"models": told})
    raise typer.Exit(1 if complaints else 0)


def check(
    name: MaybeName = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    names = list_models(settings) if name is None else [name]
    findings = [finding for one in names for finding in _examine(settings, one)]
    if as_data:
        print_json({"findings": findings})
    else:
        for finding in findings:
            mark = "ok" if finding["good"] else "!!"
            typer.echo(f"{mark}  {finding['model']}: {finding['words']}")
    raise typer.Exit(0 if all(finding["good"] for finding in findings) else 1)


def pull() -> None:
    raise NotBuiltError("command_not_built", command="models pull")


def _prepare(
    model: ModelFile,
    request: Request,
    say_: Callable[..., None],
    force: bool,
    hold: Callable[[], None],
) -> tuple[Record, bool]:
    """Return the record of a model and whether it was made now; raises ModelError."""
    check_model(model)
    found = find_prepared(model).record
    if found is not None and not force and is_current(found, request):
        return found, False
    from workers.engines.llama.prepare import prepare as make  # noqa: PLC0415 - native libraries

    return make(model, request, say_, force=force, hold=hold)


def _hold_processor(stack: ExitStack, on_wait: Callable[[], None]) -> None:
    """Hold the cores for as long as the stack lasts; raises ServiceError if others keep them."""
    stop = Event()
    timer = Timer(WAIT_SECONDS, stop.set)
    timer.daemon = True
    timer.start()
    if not stack.enter_context(hold_devices(locks_of(CPU), stop, on_wait)):
        raise ServiceError("prepare_device_busy", seconds=int(WAIT_SECONDS))
    timer.cancel()


def _preparable(settings: Settings) -> Iterator[str]:
    """Yield the models whose settings let a prepared file be used."""
    for name in list_models(settings):
        section = settings.models.get(name, ModelSection())
        if section.engine == "llama" and section.prepared == "auto":
            yield name


def _describe(settings: Settings, name: str) -> dict[str, Any]:
    """Return what is known of a model without loading it; `problem` where it cannot be used."""
    told: dict[str, Any] = dict.fromkeys(("file", "format", "bytes", "prepared", "problem"))
    told |= {"name": name, "size": None}
    try:
        model = find_model(settings, name)
        told["file"] = None if model.path is None else str(model.path)
        if model.path is None or model.section.engine == "stub":
            urls = ", ".join(urlsplit(url).netloc for url in model.section.urls)
            return told | {"file": urls or None, "format": model.section.engine}
        weights = count_weights(model.path)
    except SekishoError as error:
        return told | {"problem": error.code}
    size = model.path.stat().st_size
    found = _look(model)
    told |= {"bytes": size, "size": f"{size / MEGABYTE:.0f} MB"}
    told["format"] = max(weights, key=lambda one: weights[one], default=None)
    told["prepared"] = None if found.record is None else _used(found.record)
    return told


def _look(model: ModelFile, *, thorough: bool = False) -> Found:
    off = model.path is None or model.section.prepared == "off"
    return Found() if off else find_prepared(model, thorough=thorough)


def _problem(model: ModelFile, found: Found) -> str:
    return found.problem or ("prepared_off" if model.section.prepared == "off" else "prepared_none")


def _used(record: Record) -> str:
    return record.prepared.format if record.prepared else record.original.format


def _as_cells(told: dict[str, Any]) -> tuple[str, ...]:
    shown = words(told["problem"]).split(".")[0] if told["problem"] else told["file"]
    first = [_show(told[key]) for key in ("name", "format", "size", "prepared")]
    return (*first, _show(None if told["problem"] else shown))


def _show(value: object) -> str:
    return "-" if value is None else str(value)


def _show_record(record: Record) -> None:
    """Print every figure that led to what is used."""
    names = ("format", "size", "reading", "writing", "threads", "agreement", "raw")
    lines = [
        (
            one.format,
            f"{one.bytes / MEGABYTE:.0f} MB",
            f"{one.reading_tokens_per_second:.0f}",
            f"{one.writing_tokens_per_second:.0f}",
            str(one.threads),
            _share(one.agreement),
            _share(one.raw_agreement),
        )
        for one in record.measured
    ]
    print_table([words(f"models_{name}") for name in names], lines)
    typer.echo(
        words(
            "models_measured",
            processor=record.processor_name,
            cores=record.cores,
            version=record.llama_cpp,
            at=record.prepared_at,
            questions=record.questions,
            noise=record.noise,
        )
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _sum_up(name: str, record: Record) -> str:
    if record.prepared is None:
        return words(
            "prepare_original_best",
            model=name,
            format=record.original.format,
        )
    return words(
        "prepare_result",
        model=name,
        format=record.prepared.format,
        speedup=f"{record.speedup:.1f}",
        seconds=f"{record.seconds:.0f}",
    )


def _examine(settings: Settings, name: str) -> Iterator[dict[str, Any]]:
    """Yield what was found: of the file, then of what was prepared from it."""

    def finding(good: bool, said: str, code: str | None = None) -> dict[str, Any]:
        return {"model": name, "good": good, "code": code, "words": said}

    try:
        model = find_model(settings, name)
        check_model(model)
    except SekishoError as error:
        yield finding(False, words(error.code, **error.params), error.code)
        return
    if model.server_device is not None:
        try:
            states = look_at_servers(model, LANGUAGE)
        except SekishoError as error:
            yield finding(False, words(error.code, **error.params), error.code)
            return
        for state in states:
            said = f"{state.server}: {describe_server(state, LANGUAGE)}"
            yield finding(state.problem is None, said, state.problem)
        return
    if model.path is None or model.section.engine == "stub":
        yield finding(True, model.section.engine)
        return
    file_hash = hash_model(model.path)
    if model.expected_sha256 not in (None, file_hash):
        said = words("model_hash_differs", path=str(model.path), model=name)
        yield finding(False, said, "model_hash_differs")
        return
    yield finding(True, f"{model.path} (sha256 {file_hash[:HASH_CHARS]})")
    found = _look(model, thorough=True)
    if found.record is None:
        code = _problem(model, found)
        yield finding(code in ("prepared_none", "prepared_off"), words(code), code)
    elif found.path is not None:
        yield finding(True, f"{found.path} ({_used(found.record)})")
