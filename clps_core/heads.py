"""What each attention head of a trained run does with one typed input, in figures. Start at heads_of_run.

torch is imported only when a run is opened: code that shows ``RunHeads`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from clps_core.analysis.head_names import head_names
from clps_core.inspection import groups_of
from clps_core.look import Look, looking, read_maps
from clps_core.opened import Opener, open_run

__all__ = ["RunHeads", "heads_of_run"]

Array = NDArray[Any]


@dataclass(frozen=True)
class RunHeads:
    """Every head of one attention kind, for one input.

    ``measures``: name -> float32 [executed layer, head], see ``analysis.heads.summary_of``; NaN where no query counts.
    ``counted``: over how many of the ``queries`` the figures are means. ``keys``: how many there are. ``groups``: per
    executed layer a number; equal numbers use the same query and key weights.
    """

    kind: str
    step: int
    measures: Mapping[str, Array]
    counted: int
    queries: int
    keys: int
    groups: tuple[int, ...]

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """Per layer and head what it is called, or nothing (``head_names``)."""
        return head_names(self.measures, self.counted)

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return sum(one.nbytes for one in self.measures.values())


def heads_of_run(look: Look, kind: str, *, opener: Opener = open_run) -> RunHeads:
    """Sum up each head of ``kind`` as its layer is computed.

    Raises what ``Look`` says, and ``ConfigError`` for a kind that the model does not have.
    """
    with looking(look, kind, opener) as asked:
        from clps_core.analysis.heads import Summariser

        sums = Summariser(causal=asked.run.config.model.is_causal(kind), aligned=kind != "cross")
        read_maps(asked, kind, sums)
        groups = groups_of(asked.run, kind, look.loops)
        return RunHeads(kind, asked.run.step, sums.measures, sums.counted, sums.queries, sums.keys, groups)
