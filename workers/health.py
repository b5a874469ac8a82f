"""The health check of a container: `python -m workers.health`, with `worker` for a worker's.

Exit status 0: the database has the current tables, Redis answers and, for `worker`, a worker of
this machine has given a sign of life. Else 1, and why on stderr.
"""

import socket
import sys
from collections.abc import Sequence

from jobs.errors import SekishoError, ServiceError
from jobs.store import open_database, schema, workers
from jobs.words import choose_language, say
from workers.broker import Queues
from workers.settings import Settings, read_settings


def main(arguments: Sequence[str] = ()) -> int:
    """Look once and return the exit status."""
    try:
        check(read_settings(), worker="worker" in arguments)
    except SekishoError as error:
        print(say(error.code, choose_language(), **error.params), file=sys.stderr)  # noqa: T201 - the check speaks
        return 1
    return 0


def check(settings: Settings, *, worker: bool) -> None:
    """Raise what is wrong with the services, or with this machine's workers."""
    database = open_database(settings.database_url)
    try:
        schema.require_current(database)
        host = socket.gethostname()
        live = [one for one in workers.list_live(database) if one.host == host] if worker else []
    finally:
        database.close()
    if settings.redis_url is not None:
        queues = Queues(settings.redis_url)
        queues.ping()
        queues.close()
    if worker and not live:
        raise ServiceError("health_no_worker")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
