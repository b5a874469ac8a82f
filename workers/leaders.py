"""Equal prompts that are in flight at the same time in this process: one is asked, all answered.

The first to come is the leader; it asks the engine, the others follow it, also those of other
chunks. A follower is never left waiting: a leader that ends without an answer (its chunk was
stopped, lost its lease, or failed) hands the lead to the follower that waits longest, and one
whose row has no answer lets every follower ask for itself.
"""

import threading
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field

from jobs.prompt import Completion

Deliver = Callable[[Completion | None], None]
"""Takes the leader's answer, or None: ask yourself. It must not block."""


@dataclass(slots=True)
class _Lead:
    leader: Hashable
    completion: Completion | None = None
    followers: dict[Hashable, Deliver] = field(default_factory=dict)


class Leaders:
    """Who asks for each cache key; safe to call from several threads.

    An asker is known by any object of its own. It stays the leader of its key until it is
    released: whoever comes meanwhile gets the answer, also before it stands in SQL.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leads: dict[str, _Lead] = {}

    def join(self, key: str, asker: Hashable, deliver: Deliver) -> bool:
        """Lead a key that nobody leads, and return True; else follow its leader."""
        with self._lock:
            lead = self._leads.get(key)
            if lead is None:
                self._leads[key] = _Lead(asker)
                return True
            if lead.completion is None:
                lead.followers[asker] = deliver
            else:
                deliver(lead.completion)
            return False

    def answer(self, key: str, asker: Hashable, completion: Completion) -> None:
        """Hand the leader's answer to all who follow it; nobody else has one to hand out."""
        with self._lock:
            lead = self._leads.get(key)
            if lead is not None and lead.leader is asker and lead.completion is None:
                lead.completion = completion
                _deliver_all(lead, completion)

    def refuse(self, key: str, asker: Hashable) -> None:
        """Let all who follow a leader ask for themselves: its row has no answer."""
        with self._lock:
            lead = self._leads.get(key)
            if lead is not None and lead.leader is asker:
                del self._leads[key]
                _deliver_all(lead, None)

    def leave(self, key: str, asker: Hashable) -> bool:
        """Follow no longer; return whether the asker still waited for its leader."""
        with self._lock:
            lead = self._leads.get(key)
            return lead is not None and lead.followers.pop(asker, None) is not None

    def release(self, key: str, asker: Hashable) -> None:
        """Have no more to do with a key; a leader without an answer hands on the lead."""
        with self._lock:
            lead = self._leads.get(key)
            if lead is None:
                return
            lead.followers.pop(asker, None)
            if lead.leader is not asker:
                return
            if not lead.followers:
                del self._leads[key]
                return
            lead.leader = next(iter(lead.followers))
            lead.followers.pop(lead.leader)(None)


def _deliver_all(lead: _Lead, completion: Completion | None) -> None:
    followers, lead.followers = lead.followers, {}
    for deliver in followers.values():
        deliver(completion)


@dataclass(frozen=True, slots=True)
class Sharing:
    """Where equal prompts meet: in flight, and in what was kept of earlier ones.

    `find` takes cache keys and returns the answers that are known, their `key` being nobody's.
    """

    leaders: Leaders
    find: Callable[[Collection[str]], Mapping[str, Completion]]
