"""How attention formed while runs learned, from what was kept at a few steps. Start at while_it_learned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import state
from app.attention.grid import GridView
from app.attention.pictures import Shown
from app.attention.source import run_label
from app.attention.views import explore, kind_sentence, sharing_of
from app.design.sharing_sentences import sharing_sentences
from app.look.colours import slot_colour, slot_letter
from app.look.widget_value import follow_url
from app.services import escape_markdown, store
from clps_core.inspection import image_of
from clps_core.shapes import stack_layers
from clps_core.sharing.shared_with import KIND_SITES
from clps_core.store import Run
from clps_core.words import _, sentences

if TYPE_CHECKING:
    from clps_core.training.probe_file import ProbeRecord

__all__ = ["kept_steps", "while_it_learned"]


def kept_steps(folder: Path) -> dict[int, Path]:
    """Step -> file of each probe that the run in ``folder`` left."""
    found = {}
    for path in folder.glob("probes/step-*.npz"):
        match = re.fullmatch(r"step-([0-9]{1,9})", path.stem)
        if match:
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def while_it_learned(runs: Sequence[Run], kind: str) -> None:
    """A slider over the kept steps, and the grid of each run as it was at that step."""
    steps = {run.id: kept_steps(store().run_folder(run.id)) for run in runs}
    if not any(steps.values()):
        st.info(_("No attention was saved during training (probe_count was 0)."), icon=":material/info:")
        return
    left, right = st.columns([3, 2])
    with left:
        wanted = _choose_step(sorted({step for found in steps.values() for step in found}))
    at = {run.id: max((one for one in steps[run.id] if one <= wanted), default=None) for run in runs}
    records = {run.id: read_records(run, steps[run.id][step]) for run in runs if (step := at[run.id]) is not None}
    with right:
        text = _choose_text(records)
    queries = any(run.facts.num_queries for run in runs)
    fixed = _fixed(records, queries=queries)
    two_stacks = "cross" in _first(records).attention
    st.caption(sentences((fixed, kind_sentence(kind, two_stacks=two_stacks, queries=queries))))
    selected = None
    for place, (run, column) in enumerate(zip(runs, st.columns(len(runs)), strict=True)):
        with column:
            if len(runs) > 1:
                st.caption(f"**{escape_markdown(run_label(run))}**")
            step = at[run.id]
            if step is None:
                st.info(_nothing_kept(steps[run.id], wanted), icon=":material/info:")
                continue
            record = next((one for one in records[run.id] if one.text == text), records[run.id][0])
            st.caption(
                _("At step {step}, reading {text}.", step=step, text=f"**{escape_markdown(record.text)}**")
                + " "
                + sharing_sentences(sharing_of(run, kind))
            )
            shown = Shown(run, run_label(run), step, record.text)
            selected = explore(probe_view(run, record, kind), shown, key=f"attention.training.{place}", follow=selected)


def read_records(run: Run, path: Path) -> tuple[ProbeRecord, ...]:
    """What ``run`` kept in ``path``; no more than its model can have left is read."""
    from clps_core.training.probe_file import read_probe

    model = run.config.model
    layers = stack_layers(model)
    shapes = {kind: (layers.get(stack, 0), model.num_heads) for kind, (stack, _parts) in KIND_SITES.items()}
    return read_probe(path, shapes)[1]


def _first(records: Mapping[str, tuple[ProbeRecord, ...]]) -> ProbeRecord:
    return next(iter(records.values()))[0]


def _fixed(records: Mapping[str, tuple[ProbeRecord, ...]], *, queries: bool) -> str:
    """``queries``: the decoder reads learned ones, and no answer."""
    if _first(records).target_labels and not queries:
        return _("A fixed example. The decoder read the correct answer, so that all steps can be compared.")
    return _("A fixed example, the same at all steps.")


def _nothing_kept(steps: Mapping[int, Path], wanted: int) -> str:
    if not steps:
        return _("This run saved no attention during training (probe_count was 0).")
    return _(
        "This run saved no attention up to step {wanted}. The first is from step {first}.",
        wanted=wanted,
        first=min(steps),
    )


def probe_view(run: Run, record: ProbeRecord, kind: str) -> GridView:
    """The grid of one run at one step."""
    queries = record.target_labels if kind == "cross" or (kind == "decoder" and record.target_labels) else None
    groups = sharing_of(run, kind).letters
    model = run.config.model
    of_patches = run.facts.input_kind == "image" and not (model.num_queries and kind == "decoder")
    return GridView(
        kind=kind,
        # The same name at every step: what is selected or kept stays while the slider moves.
        name=f"{run.id} {kind} {record.text}",
        weights=record.attention[kind],
        queries=queries or record.source_labels,
        keys=queries if kind == "decoder" and queries else record.source_labels,
        letters=[slot_letter(group) for group in groups],
        colours=[slot_colour(group) for group in groups],
        causal=model.is_causal(kind),
        image=_image(run, record.text) if of_patches else None,
    )


def _image(run: Run, text: str) -> np.ndarray:
    """The image that the probe saw."""
    from clps_core.data.registry import load_task

    data = load_task(run.config)
    return image_of(data.encode_source(text), data)


def _choose_step(steps: list[int]) -> int:
    asked = state.read_number(state.STEP, steps[-1] + 1)
    step = max((one for one in steps if asked is not None and one <= asked), default=steps[-1])
    if len(steps) > 1:
        follow_url("attention.step", step)
        st.select_slider(
            _("Training step"),
            steps,
            key="attention.step",
            on_change=lambda: state.write(**{state.STEP: str(st.session_state["attention.step"])}),
        )
    return step


def _choose_text(records: Mapping[str, tuple[ProbeRecord, ...]]) -> str:
    """One of the inputs that were fixed when the runs began; a run that kept another one says so itself."""
    texts = list(dict.fromkeys(record.text for found in records.values() for record in found))
    if len(texts) == 1:
        return texts[0]
    key = "attention.probe"
    if st.session_state.get(key) not in texts:
        st.session_state[key] = texts[0]
    st.segmented_control(_("Example"), texts, format_func=escape_markdown, required=True, key=key, wrap=True)
    return str(st.session_state[key])
