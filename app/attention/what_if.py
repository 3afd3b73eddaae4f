"""What if it ran another number of loops, or something were changed inside? Start at choose_turned.

A change is named as ``clps_core.analysis.edits`` and ``patches`` name it, by its place in the order of execution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from app import state
from app.attention.change_form import change_form
from app.attention.changed import change_title, side_of
from app.attention.source import Question, Turned, weights_of
from app.depth.source import asked_loops, deep, loops_field
from app.look.widget_value import follow_url
from app.services import show_problem, store
from clps_core.analysis.edits import MOST_EDITS, parts_of, read_changes
from clps_core.analysis.patches import MOST_PATCHES, Side, parse_patch, read_patches
from clps_core.errors import ConfigError
from clps_core.patching import Patching
from clps_core.store import Run
from clps_core.words import _

__all__ = ["choose_turned"]

OTHER = "other"


def choose_turned(runs: Sequence[Run], question: Question) -> tuple[list[Turned], st.delta_generator.DeltaGenerator]:
    """Fields for loops and for what is changed inside; per run, what of it applies to that run.

    The second is for ``change_form.tell_positions``.
    """
    deep_runs = [deep(run) for run in runs]
    loops = [asked_loops() if one is not None else None for one in deep_runs]
    sides = [side_of(run, count) for run, count in zip(runs, loops, strict=True)]
    sources = _sources(runs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if found := [one for one in deep_runs if one is not None]:
            loops_field("attention", found)
        there = [sides[runs.index(one)] for one in sources or runs]
        edits, patches = _changes_field(sides, list(zip(sides, there, strict=True)))
        place_for_positions = change_form(runs, sides, question)
    turned = [_turned(runs, place, sources, sides, edits, patches) for place in range(len(runs))]
    return turned, place_for_positions


def _turned(
    runs: Sequence[Run],
    place: int,
    sources: Sequence[Run],
    sides: Sequence[Side],
    edits: Mapping[str, str],
    patches: Mapping[str, str],
) -> Turned:
    """What of all that is asked one run has. ``edits``, ``patches``: text -> title."""
    side = sides[place]
    had = tuple(one for one in edits if not _problem(read_changes, [one], side.plan, side.heads, side.loops))
    patching = _patching(runs, place, sources, sides, list(patches)) if sources else None
    taken = {*had, *(patching.patches if patching is not None else ())}
    asked = {**edits, **(patches if sources else {})}
    return Turned(side.loops, had, patching, tuple(title for text, title in asked.items() if text not in taken))


def _sources(runs: Sequence[Run]) -> list[Run]:
    """Per run the one whose states are put into it; empty, with a sentence, where the address's cannot be."""
    asked, problem = state.read_choice(state.PATCH_RUN, [OTHER])
    if problem:
        show_problem(problem)
    if not asked or not state.given(state.PATCH):
        return list(runs)
    if len(runs) < 2:
        show_problem(_("a patch from the other run needs a second run. Got one. Choose a run under Compare with."))
        return []
    here, there = (run.config.model.d_model for run in runs)
    if here != there:
        show_problem(
            _("patches between runs need states of the same width. Got {here} and {there}. Choose runs with "
"equal d_model.",
              here=here, there=there)
        )  # fmt: skip
        return []
    return [runs[1], runs[0]]


def _patching(
    runs: Sequence[Run], place: int, sources: Sequence[Run], sides: Sequence[Side], patches: Sequence[str]
) -> Patching | None:
    """The patches that one run and its source have."""
    source = sources[place]
    there = sides[runs.index(source)]
    had = tuple(one for one in patches if not _problem(read_patches, [one], sides[place], there))
    if not had:
        return None
    text = state.read_text(state.PATCH_TEXT)
    if source.id == runs[place].id:
        return Patching(had, text)
    which, stamp = weights_of(source) or ("best", (0, 0))
    folder = store().run_folder(source.id)
    return Patching(had, text, folder=folder, stamp=stamp, which=which, loops=there.loops)


def _changes_field(sides: Sequence[Side], pairs: Sequence[tuple[Side, Side]]) -> tuple[dict[str, str], dict[str, str]]:
    """Text -> title of the address's edits and patches that at least one run can have; a sentence for the first other.

    ``pairs``: the sides of the passes that patches join.
    """
    titles: dict[str, str] = {}
    for side in sides:
        for part in parts_of(side.plan, side.heads, side.loops):
            titles.setdefault(str(part), change_title(part, stacks=len(side.plan.execution)))
    edits = _known(state.WITHOUT, MOST_EDITS, lambda text: _edit_titles(text, sides, titles))
    patches = _known(state.PATCH, MOST_PATCHES, lambda text: _patch_titles(text, pairs))
    titles |= {**edits, **patches}
    key = "attention.without"
    follow_url(key, [*edits, *patches])

    def chosen() -> None:
        left = [one for one in st.session_state[key] if one in titles]
        kept = [one for one in left if one in patches]
        gone = {} if kept else {state.PATCH_TEXT: None, state.PATCH_RUN: None}
        state.write(**{state.WITHOUT: [one for one in left if one not in patches], state.PATCH: kept, **gone})

    st.multiselect(
        _("Leave out or change"),
        list(titles),
        format_func=lambda one: titles.get(one, str(one)),
        key=key,
        placeholder=_("nothing (whole model)"),
        help=_(
            "Parts chosen here are left out: they add nothing to the state, and all other parts run on the "
            "rest. Layers are numbered as executed, so you can leave out one use of shared weights and keep "
            "the others. To scale, swap or patch a part, open the menu next to this list."
        ),
        on_change=chosen,
    )
    return edits, patches


def _known(name: str, most: int, titles_of: Callable[[str], Mapping[str, str]]) -> dict[str, str]:
    """Text -> title of what the address says under ``name``; a sentence for the first that no run can have."""
    found: dict[str, str] = {}
    problem = ""
    for text in dict.fromkeys(st.query_params.get_all(name)[:most]):
        try:
            found |= titles_of(text)
        except ConfigError as error:
            problem = problem or str(error)
    if problem:
        show_problem(problem)
    return found


def _edit_titles(text: str, sides: Sequence[Side], titles: Mapping[str, str]) -> dict[str, str]:
    if text in titles:
        return {text: titles[text]}
    if all(_problem(read_changes, [text], side.plan, side.heads, side.loops) for side in sides):
        read_changes([text], sides[0].plan, sides[0].heads, sides[0].loops)  # raises what is wrong with it
    side = next(one for one in sides if not _problem(read_changes, [text], one.plan, one.heads, one.loops))
    (change,) = read_changes([text], side.plan, side.heads, side.loops)
    return {text: change_title(change, stacks=len(side.plan.execution))}


def _patch_titles(text: str, pairs: Sequence[tuple[Side, Side]]) -> dict[str, str]:
    if all(_problem(read_patches, [text], *pair) for pair in pairs):
        read_patches([text], *pairs[0])
    return {text: change_title(parse_patch(text), stacks=len(pairs[0][0].plan.execution))}


def _problem(read: Callable[..., object], *given: object) -> str:
    try:
        read(*given)
    except ConfigError as error:
        return str(error)
    return ""
