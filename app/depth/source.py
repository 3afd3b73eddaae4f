"""Which runs have a depth to turn, and what they do at each depth. Start at runs_with_a_core and Asker.

Every answer comes from the one model service, so that thirty browsers load one model at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import navigation, state
from app.attention.source import Question as TypedInput
from app.attention.source import runs_with_weights, weights_of
from app.look.widget_value import follow_url
from app.look.working import let_out
from app.services import models, store
from clps_core.depth import Dial, Quality, dial_of_text
from clps_core.errors import ClpsError
from clps_core.glossary import meaning
from clps_core.serving import EvaluateDepth, InspectRun, Question
from clps_core.sharing.extras import MAX_LOOPS
from clps_core.store import Run
from clps_core.words import _

__all__ = [
    "DeepRun",
    "answers_of",
    "asked_loops",
    "deep",
    "deep_runs",
    "link_to_depth",
    "loops_field",
    "qualities_of",
    "recorded",
]

SECONDS = 20.0
"""What one number of loops of one run may take here; the command line has more patience."""


@dataclass(frozen=True)
class DeepRun:
    """A run with weights and a core whose loops can be changed."""

    run: Run
    dial: Dial

    @property
    def own_loops(self) -> int:
        """The loops of its map, or the fewest where its stacks have different numbers."""
        return self.dial.own or min(one.loops for one in self.dial.execution.values())


def deep(run: Run) -> DeepRun | None:
    """``run`` with its dial, ``None`` where it has none to turn or cannot be read."""
    try:
        found = dial_of_text(run.config_text)
    except ClpsError:
        return None
    return None if found.fixed else DeepRun(run, found)


def asked_loops() -> int | None:
    """The number of loops in the address; ``None``: as in training."""
    return state.read_number(state.LOOPS, MAX_LOOPS + 1) or None


def loops_field(page: str, turned: Sequence[DeepRun]) -> None:
    """The field for ``asked_loops`` of the runs ``turned``, which must not be empty."""
    key = f"{page}.loops"
    follow_url(key, asked_loops())

    def written() -> None:
        loops = st.session_state[key]
        state.write(**{state.LOOPS: None if loops is None else str(loops)})

    st.number_input(
        _("Loops"),
        min_value=1,
        max_value=MAX_LOOPS,
        key=key,
        value=None,
        placeholder=_("as trained ({loops})", loops=", ".join(map(str, sorted({one.own_loops for one in turned})))),
        help=meaning("loops", _("Empty: as in training. It only affects runs whose layers repeat.")),
        on_change=written,
        width=210,
    )


def deep_runs() -> list[DeepRun]:
    """All ended runs that have weights and a core, newest comparison first."""
    found = [deep(run) for run in runs_with_weights() if not run.active]
    return [one for one in found if one is not None]


def link_to_depth(runs: Sequence[Run]) -> None:
    """The way from other pages to those of ``runs`` whose depth can be turned; nothing where there is none."""
    found = [run.id for run in runs if not run.active and deep(run) is not None and weights_of(run) is not None]
    if found:
        navigation.link("depth", _("Vary the depth"), query={state.RUNS: state.run_ids(found)})


def recorded(run: Run, step: int, metric: str) -> float | None:
    """What the run itself measured on held-out data at ``step``."""
    points = store().curve(run.id, "validation", metric)
    return next((point.value for point in points if point.step == step), None)


def qualities_of(
    runs: Sequence[DeepRun],
    loops: Callable[[DeepRun], Sequence[int]],
    kept: Mapping[str, Mapping[int, Quality]],
    working: AbstractSet[str],
) -> tuple[Any, list[str]]:
    """Run id -> loops -> ``Quality``, and a sentence about each run that could not be evaluated at all of them.

    What is ``kept`` is not asked for again, and of the ``working`` runs nothing else is.
    """

    def question(one: DeepRun, number: int) -> EvaluateDepth:
        which, stamp = weights_of(one.run) or ("best", (0, 0))
        return EvaluateDepth(store().run_folder(one.run.id), stamp, number, which, SECONDS)

    return _asked(runs, loops, question, _("Evaluating at each depth: {done} of {all}"), kept, working)


def answers_of(
    runs: Sequence[DeepRun], loops: Callable[[DeepRun], Sequence[int]], asked: TypedInput
) -> tuple[Any, list[str]]:
    """Run id -> loops -> ``Inspection`` of one input, without its attention; and sentences as above."""

    def question(one: DeepRun, number: int) -> InspectRun:
        which, stamp = weights_of(one.run) or ("best", (0, 0))
        folder, options = store().run_folder(one.run.id), tuple(sorted(asked.options.items()))
        return InspectRun(folder, stamp, asked.text, options, which=which, loops=number, attention=False)

    return _asked(runs, loops, question, _("Answering at each depth: {done} of {all}"))


def _asked(
    runs: Sequence[DeepRun],
    loops: Callable[[DeepRun], Sequence[int]],
    question: Callable[[DeepRun, int], Question[Any]],
    progress: str,
    kept: Mapping[str, Mapping[int, Any]] | None = None,
    working: AbstractSet[str] = frozenset(),
) -> tuple[dict[str, dict[int, Any]], list[str]]:
    """What is kept at once; the rest one by one, with a progress bar. A run that fails is left, with its sentence."""
    service = models()
    found: dict[str, dict[int, Any]] = {one.run.id: {} for one in runs}
    missing = []
    for one in runs:
        for number in loops(one):
            asked = question(one, number)
            if (there := (kept or {}).get(one.run.id, {}).get(number)) is not None:
                found[one.run.id][number] = there
            elif one.run.id in working:
                continue
            elif (answer := service.kept_answer(asked)) is None:
                missing.append((one.run, number, asked))
            else:
                found[one.run.id][number] = answer
    problems: dict[str, str] = {}
    place = st.empty()
    for done, (run, number, asked) in enumerate(missing):
        if run.id in problems:
            continue
        place.progress(done / len(missing), text=progress.format(done=done, all=len(missing)))
        if done == 0:
            let_out()
        try:
            found[run.id][number] = service.ask(asked)
        except ClpsError as error:
            problems[run.id] = str(error)
    place.empty()
    return {run_id: dict(sorted(points.items())) for run_id, points in found.items()}, list(
        dict.fromkeys(problems.values())
    )
