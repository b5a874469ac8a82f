"""`python -m tests.standin`: the stand-in as a process of its own."""

import argparse
from pathlib import Path

from tests.standin.running import serve
from tests.standin.script import read_script


def main() -> None:
    """Serve until SIGTERM or SIGINT; the URL goes to stdout and, whole, into the ready file."""
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ready-file", type=Path, help="appears, with the URL, when ready")
    parser.add_argument("--script", default="{}", help="JSON, or @FILE")
    options = parser.parse_args()

    def announce(url: str) -> None:
        print(url, flush=True)  # noqa: T201 - its one result
        if options.ready_file is not None:
            partial = options.ready_file.with_name(f"{options.ready_file.name}.partial")
            partial.write_text(url, "utf-8")
            partial.replace(options.ready_file)

    serve(read_script(options.script), options.port, announce)


if __name__ == "__main__":
    main()
