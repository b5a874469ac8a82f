"""`sekisho models prepare`: the format and thread count that this processor is fastest with."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from threading import Event, Timer
from typing import Annotated, Final

import typer

from jobs.errors import ModelError, ServiceError
from workers.cli.models.describing import MaybeName
from workers.cli.options import Config, Db, Json, Redis, print_json, words
from workers.device import CPU, hold_devices, locks_of
from workers.engines.load import check_model
from workers.engines.prepared import (
    DEFAULT_FORMATS,
    Record,
    Request,
    find_prepared,
    is_current,
)
from workers.models import ModelFile, find_model, list_models
from workers.settings import ModelSection, Settings, read_settings
from workers.view import make_view

WAIT_SECONDS: Final = 60.0
"""How long a preparation waits for the processor: beside a worker it would measure nonsense."""


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
