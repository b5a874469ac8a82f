"""The command line: `sekisho COMMAND`; data on stdout, progress and logs on stderr."""

from workers.cli.app import main

__all__ = ["main"]
