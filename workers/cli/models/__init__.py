"""Models: `models list`, `show`, `pull`, `prepare`, `check`."""

import typer

from workers.cli.models.checking import check
from workers.cli.models.listing import list_all
from workers.cli.models.preparing import prepare
from workers.cli.models.pulling import pull
from workers.cli.models.showing import show
from workers.cli.options import words


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help=words("help_models_group"), no_args_is_help=True)
    group.command("list", help=words("help_models_list"))(list_all)
    group.command("show", help=words("help_models_show"))(show)
    group.command("pull", help=words("help_models_pull"))(pull)
    group.command("prepare", help=words("help_models_prepare"))(prepare)
    group.command("check", help=words("help_models_check"))(check)
    app.add_typer(group, name="models")
