"""An interruption waits for the end of what belongs together."""

import signal
import threading

import pytest

from workers.watch.undisturbed import undisturbed


def test_a_signal_is_heard_after_the_block() -> None:
    """Once, and as it would have been before; the handlers are as they were."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    done = []

    def work() -> None:
        with undisturbed():
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
            done.append("whole")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["whole"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_error_in_the_block_is_the_error() -> None:
    """The handlers are back."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(OSError, match="disk"), undisturbed():
        raise OSError("disk")
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_hear_no_signals_anyway() -> None:
    """So there is nothing to keep from them."""
    done = []

    def work() -> None:
        with undisturbed():
            done.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["whole"]
