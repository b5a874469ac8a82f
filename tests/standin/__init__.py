"""A stand-in for Anthropic's API: real HTTP, ordered faults, and an invoice of its own.

    with run_standin(Script(faults=(Fault("rate_limited", ordinal=1),))) as standin:
        Anthropic("claude-haiku-5-5", api_key=standin.key, base_url=standin.url)
        standin.invoice_nano_usd

For processes: `python -m tests.standin --port 0 --ready-file PATH`, which prints its URL.
Its answers are simulated. It shares no code with what it is there to judge.
"""

from tests.standin.invoice import Entry
from tests.standin.running import RunningStandIn, run_standin
from tests.standin.script import Fault, FaultKind, Oracle, Script

__all__ = ["Entry", "Fault", "FaultKind", "Oracle", "RunningStandIn", "Script", "run_standin"]
