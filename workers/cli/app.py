"""The application: commands gathered, errors turned into one line and an exit status."""

import json
import os
import signal
import sys
from importlib import metadata
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.exceptions import TyperException

from jobs.errors import NotBuiltError, SekishoError, ServiceError, UsageError
from jobs.words import choose_language, say
from workers.cli import fleet, inspect, operate, prices, run, savings
from workers.cli.options import Terminated, words
from workers.log import configure_log

NOT_BUILT: Final = (
    "watch", "init", "retry", "cancel", "diff", "plan", "evaluate",
    "cost", "gate", "review", "train", "care", "erase", "models", "audit",
)  # fmt: skip
"""Commands of the contract whose part is not built yet."""

app = typer.Typer(
    name="sekisho",
    help=say("help_sekisho", choose_language()),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sekisho {metadata.version('sekisho')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help=words("help_version")
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


run.add_to(app)
inspect.add_to(app)
operate.add_to(app)
prices.add_to(app)
fleet.add_to(app)
savings.add_to(app)


def _refuse(name: str) -> None:
    @app.command(
        name,
        hidden=True,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def refuse() -> None:
        raise NotBuiltError("command_not_built", command=name)


for _name in NOT_BUILT:
    _refuse(_name)


def main() -> NoReturn:
    """Run a command and leave with its exit status: 0, 1, 2, 3 or 130."""
    configure_log()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = app(standalone_mode=False)
    except SekishoError as error:
        _complain(error)
        status = _status(error)
    except TyperException as error:
        print(f"sekisho: {error}", file=sys.stderr)  # noqa: T201 - the command line speaks
        status = 2
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # The reader of our output has left; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _interrupt(*_: object) -> NoReturn:
    raise Terminated


def _status(error: SekishoError) -> int:
    if isinstance(error, UsageError):
        return 2
    return 3 if isinstance(error, ServiceError) else 1


def _complain(error: SekishoError) -> None:
    words = say(error.code, choose_language(), **error.params)
    print(f"sekisho: {words}", file=sys.stderr)  # noqa: T201 - the command line speaks
    if "--json" in sys.argv:
        params = {name: str(value) for name, value in error.params.items()}
        told: dict[str, Any] = {"code": error.code, "message": words, "params": params}
        print(json.dumps({"error": told}, ensure_ascii=False))  # noqa: T201 - as above
