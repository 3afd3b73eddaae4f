"""Chapter: the same weights, other inputs."""

from __future__ import annotations

from functools import cache

import numpy as np
import streamlit as st

from app.learn.chapter import Chapter, Choice, Source
from app.look.working import opening
from clps_core.analysis.similarity import attention_similarity
from clps_core.inspection import dequantised
from clps_core.samples.ready import ready_named
from clps_core.samples.shipped import sample_folder
from clps_core.training.probe_file import read_probe
from clps_core.words import _, ngettext

__all__ = ["CHAPTER"]

SILENT = "learn.inputs.silent"
"""Session key: whether the model found nothing for the input that stands on the page."""
READY, SHARED, OWN = "hops", "3-all", "3-none"
LAST = 2
"""The layer that is compared with layer 0."""
SAME = 0.99
"""From this similarity on, maps are called the same."""


@cache
def _probed(design: str) -> tuple[float, int]:
    """How alike layers 0 and ``LAST`` look on the inputs whose attention ships with the run, and how many these are."""
    ready = ready_named(READY)
    run_id = ready.run_id(next(one for one in ready.designs if one.key == design), ready.probed[0])
    path = max((sample_folder(run_id) / "probes").glob("step-*.npz"))
    _step, records = read_probe(path)
    maps = [dequantised(one.attention["decoder"]) for one in records]
    alike = [attention_similarity(one[0], one[LAST], causal=True).mean() for one in maps]
    return float(np.mean(alike)), len(records)


def _right() -> str:
    return "same" if _probed(SHARED)[0] >= SAME else "other"


def _asks() -> str:
    return _(
        "A model runs one stored layer three times: these are its layers 0, 1 and 2. Layers 0 and {last} have exactly "
        "the same weights. Will their attention maps be the same for one input?",
        last=LAST,
    )


def _why() -> str:
    shared, inputs = _probed(SHARED)
    return _(
        "Measured on {inputs} whose maps ship with such a run: the similarity is {shared}, where 1 means the same "
        "and 0 means no place in common. In a run whose three layers have weights of their own it is {own}. The "
        "weights are the same; what arrives is not: layer {last} reads what layers 0 and 1 have made of the input.",
        inputs=ngettext("{n} input", "{n} inputs", inputs),
        shared=f"{shared:.2f}",
        own=f"{_probed(OWN)[0]:.2f}",
        last=LAST,
    )


def _claim() -> str:
    return _(
        "Layers with the same weights compute the same function. They are given different inputs, so they can look at "
        "different places and move the hidden state differently."
    )


def _act() -> None:
    with opening(_("Opening the chapter ..."), "app.learn.inputs_seen"):
        from app.learn.inputs_seen import look_inside
    st.markdown(
        _("Choose a run, type an input, and compare two of its layers. All layers of these runs have the same weights.")
    )
    st.session_state[SILENT] = not look_inside()


def _seen() -> str:
    if st.session_state.get(SILENT):
        return _(
            "Nothing for this input: the sentence above says why. The answer to the first question says what was "
            "measured on other inputs."
        )
    return _(
        "One stored tensor that is used in every layer, and for your input: where two of these layers look, and how "
        "far each layer moves the hidden state. The weights are the same, so every difference comes from what arrives: "
        "a layer's output is the next layer's input."
    )


def _open() -> str:
    return _(
        "Different maps do not prove that the layers do different work, and similar maps do not prove that they do the "
        "same: values and the feed-forward network count, too. All is measured on one input. The page Attention asks "
        "further: what the model would answer after each layer, and what changes if one is left out."
    )


CHAPTER = Chapter(
    "inputs",
    lambda: _("Same weights, different inputs"),
    8,
    lambda: _(
        "Where layers share their weights, one stored layer runs several times. Does it do the same thing each time? "
        "Look at a trained model while it works."
    ),
    _claim,
    Choice(
        _asks,
        lambda: {
            "same": _("Yes: the same weights give the same map"),
            "other": _("No: each layer is given another input"),
            "random": _("No: attention is drawn at random each time"),
        },
        _right,
        _why,
    ),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("Two layers have the same weights and look at different places. Why?"),
            lambda: {
                "input": _("They are given different inputs"),
                "copy": _("Each has a copy of the weights that was trained further"),
                "noise": _("Attention has a random part"),
            },
            lambda: "input",
            lambda: _(
                "There is one tensor in memory and in the file. Queries and keys are the input times this tensor, and "
                "the inputs differ."
            ),
        ),
        Choice(
            lambda: _("When must two layers with the same weights have the same map?"),
            lambda: {
                "neighbours": _("When they are neighbours"),
                "input": _("When the same states arrive at both"),
                "trained": _("When the model is trained long enough"),
            },
            lambda: "input",
            lambda: _(
                "The same function of the same input gives the same result, unless something of the layer's own is "
                "added, such as a depth signal. If a layer changed nothing at all, the next one would get the same "
                "input."
            ),
        ),
        Choice(
            lambda: _("Two maps have a similarity of 0.4. What does that prove?"),
            lambda: {
                "work": _("The two layers do different work"),
                "look": _("On this input they look at partly different places"),
                "worse": _("One of the layers is useless"),
            },
            lambda: "look",
            lambda: _(
                "A map says where information is read from. To see whether the answer depends on a layer, leave it out "
                "and look at the answer."
            ),
        ),
    ),
    (
        Source(
            "Lan et al. 2019, ALBERT",
            "https://arxiv.org/abs/1909.11942",
            lambda: _(
                "Measures how far the output of each layer is from its input where all layers have the same weights: "
                "the states oscillate and do not converge."
            ),
        ),
        Source(
            "Jain & Wallace 2019, Attention is not Explanation",
            "https://aclanthology.org/N19-1357",
            lambda: _(
                "Very different attention can go with the same prediction, and attention often does not agree with "
                "other measures of what is important."
            ),
        ),
    ),
    uses=("attention", "state", "depth-signal"),
)
