"""How attention formed while a run learned, from what was kept at a few steps. Start at while_it_learned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import state
from app.colours import slot_colour, slot_letter
from app.components.attention_grid import GridView
from app.components.attention_source import follow_url
from app.components.attention_views import choose_kind, explore, kind_sentence, slot_sentence
from app.services import escape_markdown, store
from clps_core.config import sharing_plan
from clps_core.inspection import KIND_SITES, image_of
from clps_core.shapes import stack_layers
from clps_core.store import Run
from clps_core.words import _

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


def while_it_learned(run: Run) -> None:
    """A slider over the kept steps, and the grid as it was at that step."""
    steps = kept_steps(store().run_folder(run.id))
    if not steps:
        st.info(_("This run kept no attention while it learned (probe_count was 0)."), icon=":material/info:")
        return
    from clps_core.training.probe_file import read_probe

    left, right = st.columns([3, 2])
    with left:
        step = _choose_step(list(steps))
    model = run.config.model
    layers = stack_layers(model)
    shapes = {kind: (layers.get(stack, 0), model.num_heads) for kind, (stack, _parts) in KIND_SITES.items()}
    _step, records = read_probe(steps[step], shapes)
    with right:
        record = _choose_record(records)
    kind = choose_kind(list(record.attention))
    config = run.config
    groups = sharing_plan(config.model, config.sharing).groups(*KIND_SITES[kind])
    fixed = (
        _("A fixed held-out example; the decoder read its right answer, so that all steps can be compared.")
        if record.target_labels
        else _("A fixed held-out example, the same at all steps.")
    )
    st.caption(f"{fixed} {kind_sentence(kind, two_stacks='cross' in record.attention)} {slot_sentence(groups)}")
    queries = record.target_labels if kind == "cross" or (kind == "decoder" and record.target_labels) else None
    view = GridView(
        kind=kind,
        # The same name at every step: what is selected or kept stays while the slider moves.
        name=f"{run.id} {kind} {record.text}",
        weights=record.attention[kind],
        queries=queries or record.source_labels,
        keys=queries if kind == "decoder" and queries else record.source_labels,
        letters=[slot_letter(group) for group in groups],
        colours=[slot_colour(group) for group in groups],
        causal=kind == "decoder",
        image=_image(run, record.text) if config.model.patch_dim and not config.model.class_token else None,
    )
    explore(view, key="attention.training")


def _image(run: Run, text: str) -> np.ndarray:
    """The image that the probe saw."""
    from clps_core.data.registry import load_task

    return image_of(load_task(run.config).encode_source(text))


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


def _choose_record(records: tuple[ProbeRecord, ...]) -> ProbeRecord:
    """One of the inputs that were fixed when the run began."""
    number = 0
    if len(records) > 1:
        number = st.segmented_control(
            _("Held-out example"),
            range(len(records)),
            format_func=lambda one: escape_markdown(records[one].text),
            default=0,
            required=True,
            key="attention.probe",
        )
    return records[number]
