"""How the weights are updated: optimiser, learning-rate schedule, micro-batches, average. Start at optimiser_part."""

from __future__ import annotations

import streamlit as st

from app.train.fields import choice, number
from clps_core.glossary import meaning
from clps_core.words import _

__all__ = ["OPTIMISER_FIELDS", "optimiser_part"]

NAME, SCHEDULE = "optim.name", "optim.schedule"
OPTIMISER_FIELDS = (
    NAME,
    "optim.muon_learning_rate",
    "optim.muon_momentum",
    "optim.weight_decay",
    SCHEDULE,
    "optim.warmup_steps",
    "optim.decay_fraction",
    "optim.final_ratio",
    "train.accumulate",
    "optim.ema_decay",
)


def optimiser_part() -> None:
    """What a beginner need not see, folded; fields that the chosen optimiser or schedule does not use are left out."""
    with st.popover(_("Optimiser and schedule"), icon=":material/speed:"):
        _optimiser()
        _schedule()
        _steps()


def _optimiser() -> None:
    choice(
        NAME,
        _("Optimiser"),
        {"adamw": "AdamW", "muon": _("Muon and AdamW")},
        note=_("Muon updates the matrices of the layers; embeddings, norms, biases and head stay with AdamW."),
    )
    with st.container(horizontal=True):
        if st.session_state[f"train.{NAME}"] == "muon":
            number(
                "optim.muon_learning_rate",
                _("Muon's learning rate"),
                0.0,
                step=0.0005,
                form="%.4g",
                note=_(
                    "Empty: the same learning rate, which works because Muon's updates are scaled to the size of "
                    "AdamW's."
                ),
                empty=_("same"),
            )
            number("optim.muon_momentum", _("Muon's momentum"), 0.0, step=0.01, form="%.4g")
        number("optim.weight_decay", _("Weight decay"), 0.0, step=0.01, form="%.4g", note=meaning("weight-decay"))


def _schedule() -> None:
    choice(
        SCHEDULE,
        _("Learning rate after the warm-up"),
        {"cosine": _("cosine"), "linear": _("linear"), "constant": _("constant"), "wsd": _("constant, then falls")},
        note=_(
            "Cosine and linear fall until the last step. A constant rate lets you continue training at any time. "
            "Constant, then falls (wsd): falls only in the last part of the steps."
        ),
    )
    with st.container(horizontal=True):
        number("optim.warmup_steps", _("Warm-up steps"), 0, step=10, note=meaning("warm-up"))
        if st.session_state[f"train.{SCHEDULE}"] == "wsd":
            number(
                "optim.decay_fraction",
                _("Decay fraction"),
                0.0,
                step=0.05,
                form="%.3g",
                note=_("Fraction of all steps, at the end, in which the learning rate falls: 0.2 is a fifth."),
            )
        if st.session_state[f"train.{SCHEDULE}"] != "constant":
            number(
                "optim.final_ratio",
                _("Final rate"),
                0.0,
                step=0.05,
                form="%.3g",
                note=_("As a fraction of the learning rate: 0.1 is a tenth, 0 is zero."),
            )


def _steps() -> None:
    """What each step does beside its update."""
    with st.container(horizontal=True):
        number(
            "train.accumulate",
            _("Micro-batches"),
            1,
            note=_(
                "Gradient accumulation: a batch is processed in this many parts, one after the other. Results "
                "stay the same up to rounding. More parts need less memory and more time."
            ),
        )
        number(
            "optim.ema_decay",
            _("Average of weights"),
            0.0,
            step=0.01,
            form="%.5g",
            note=_(
                "Decay of a running average of the weights (EMA), such as 0.99; 0 is none. Evaluations, best "
                "weights and the test score then use the average."
            ),
        )
