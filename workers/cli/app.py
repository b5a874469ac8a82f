"""The application: commands gathered, errors turned into one line and an exit status."""

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from typer.exceptions import TyperException

from jobs.errors import NotBuiltError, SekishoError, SettingError
from jobs.words import choose_language, say
from workers.cli import (
    diff,
    draft,
    evaluate,
    fleet,
    forecast,
    inspect,
    models,
    operate,
    prices,
    results,
    run,
    savings,
    watch,
)
from workers.cli.endings import EXIT_INTERRUPTED, complain, exit_status_of, print_error
from workers.cli.options import Terminated, words
from workers.log import configure_log

EXIT_PIPE: Final = 141
"""What a shell reports of a program whose reader has left."""
NOT_BUILT: Final = (
    "retry", "cancel",
    "cost", "gate", "review", "train", "care", "erase", "audit",
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
results.add_to(app)
operate.add_to(app)
prices.add_to(app)
fleet.add_to(app)
savings.add_to(app)
diff.add_to(app)
draft.add_to(app)
evaluate.add_to(app)
forecast.add_to(app)
models.add_to(app)
watch.add_to(app)


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
    """Run a command and leave with its exit status: 0, 1, 2, 3 or 130; 141 for a closed pipe."""
    _mend_streams()
    configure_log()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has left; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = EXIT_PIPE
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _complain("output_fails", {"problem": error.strerror or type(error).__name__}, False)
        status = 3
    sys.exit(status)


def _run() -> int:
    try:
        _refuse_undecodable(sys.argv)
        status = app(standalone_mode=False)
    except SekishoError as error:
        _complain(error.code, error.params, "--json" in sys.argv)
        return exit_status_of(error)
    except TyperException as error:
        problem = " ".join(error.format_message().split())  # names the option as it is typed
        _complain("usage_wrong", {"problem": problem}, "--json" in sys.argv)
        return 2
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OSError:
        raise
    except Exception as error:
        if os.environ.get("SEKISHO_DEBUG"):
            raise
        # The words of an unforeseen error may quote a row: its kind and place are enough.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        params = {"kind": type(error).__name__, "where": where}
        _complain("unforeseen_error", params, "--json" in sys.argv)
        return 3
    return status if isinstance(status, int) else 0


def _mend_streams() -> None:
    """Let words always be written: closed streams go nowhere, odd encodings get escapes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the process's life
        else:
            stream.reconfigure(errors="backslashreplace")


def _refuse_undecodable(arguments: list[str]) -> None:
    """Refuse names that are no text in this locale; no database could hold them."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            shown = argument.encode("utf-8", "replace").decode()
            raise SettingError("argument_undecodable", argument=shown) from error


def _interrupt(*_: object) -> NoReturn:
    raise Terminated


def _complain(code: str, params: Mapping[str, object], as_data: bool) -> None:
    complain(code, params)
    if as_data:
        print_error(code, params)
