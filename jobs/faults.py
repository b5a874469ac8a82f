"""Named fault points at the commits, so that tests can stop a real process exactly there.

`SEKISHO_FAULT=point:action[:times]` with action `kill` (SIGKILL) or `stop` (SIGSTOP) trips at the
named point; `SEKISHO_FAULT_LEDGER` names a file that counts the trips across processes, so that
a restarted process does not fall into the same hole for ever. Without the variable a fault
point is one dictionary look-up.
"""

import os
import signal
from pathlib import Path
from typing import Final

ACTIONS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def trip(point: str) -> None:
    """Die or stop here if a test asked for it."""
    wanted = os.environ.get("SEKISHO_FAULT")
    if wanted is None:
        return
    name, action, times = (*wanted.split(":"), "1")[:3]
    if name != point:
        return
    ledger = Path(os.environ["SEKISHO_FAULT_LEDGER"])
    with ledger.open("a") as entries:
        entries.write(f"{point} {os.getpid()}\n")
    if len(ledger.read_text().splitlines()) <= int(times):
        os.kill(os.getpid(), ACTIONS[action])
