"""What was spent on the weights that a fork begins with. Plain records in, plain records out. Start at ancestry.

A fork begins at step 0, but not from nothing: its ancestors trained up to the weights that it begins with. A
comparison of what runs cost adds that, or says it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from clps_core.store.records import Run

__all__ = ["Ancestor", "Ancestry", "ancestry", "ancestry_text"]


@dataclass(frozen=True)
class Ancestor:
    """A run as far as its descendant goes on from it.

    ``step``: the step of the weights that were taken; ``seconds``: its training time up to them. ``tokens`` and
    ``flops`` are those of its steps, padding included, as the axes of the curves count them.
    """

    run_id: str
    name: str
    step: int
    seconds: float
    tokens: int
    flops: float


@dataclass(frozen=True)
class Ancestry:
    """The ancestors of a run, its parent first. ``complete`` is false where one is not known any more.

    Then the sums are what is known: at least so much was spent.
    """

    ancestors: tuple[Ancestor, ...] = ()
    complete: bool = True

    @property
    def steps(self) -> int:
        """Steps that were trained before the run's own first one."""
        return sum(one.step for one in self.ancestors)

    @property
    def seconds(self) -> float:
        """Training time before the run's own."""
        return sum(one.seconds for one in self.ancestors)

    @property
    def tokens(self) -> int:
        """Tokens that were read before, padding included."""
        return sum(one.tokens for one in self.ancestors)

    @property
    def flops(self) -> float:
        """Training operations that were done before, padding included."""
        return sum(one.flops for one in self.ancestors)


def ancestry(run: Run) -> Ancestry:
    """What ``run`` was given to begin with, as it was noted when it was queued; nothing for a run that is no fork.

    Forks of a version that noted nothing have an ancestry that is not complete.
    """
    if not run.start_from:
        return Ancestry()
    noted = json.loads(run.ancestry_text) if run.ancestry_text else None
    if noted is None:
        return Ancestry(complete=False)
    return Ancestry(tuple(Ancestor(**one) for one in noted["ancestors"]), noted["complete"])


def ancestry_text(found: Ancestry) -> str:
    """``found`` as the store keeps it."""
    plain = {"ancestors": [asdict(one) for one in found.ancestors], "complete": found.complete}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)
