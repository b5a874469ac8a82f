"""Works an iterator off in a thread, a little ahead of whoever asks for its items.

Two cores then share the work where one side leaves Python's lock alone for long: a statement of
SQL, a socket. Items come in their order, an error of the iterator comes in its place, and the
thread ends with the generator that `work_ahead` returns: close that one.
"""

import threading
from collections.abc import Generator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _End:
    """The last thing the thread hands over, with what stopped it."""

    error: BaseException | None


def work_ahead(items: Generator[Item, None, None], depth: int = 2) -> Generator[Item, None, None]:
    """Yield the items; at most `depth` of them wait beside the one that was asked for last.

    The iterator runs, and is closed, in the thread.
    """
    ready: SimpleQueue[Item | _End] = SimpleQueue()
    room = threading.Semaphore(depth)
    given_up = threading.Event()

    def work() -> None:
        error: BaseException | None = None
        try:
            while room.acquire() and not given_up.is_set():
                ready.put(next(items))
        except StopIteration:
            pass
        except BaseException as problem:  # raised where the items are asked for
            error = problem
        items.close()
        ready.put(_End(error))

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            room.release()
            yield item
        if item.error is not None:
            raise item.error
    finally:
        given_up.set()
        room.release()
        thread.join()
