"""A new run that begins with another's weights; what is changed is asked in a dialog. Start at fork_dialog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import streamlit as st

from app import navigation, state
from app.look.dialog import dialog
from app.look.formatting import compact, duration
from app.services import desk, escape_markdown, show_problem
from clps_core.errors import ClpsError
from clps_core.experiment import MAX_NAME
from clps_core.jobs.forks import DerivedFork, beginnings, change_lines
from clps_core.jobs.training_on import rate_sentence
from clps_core.spec import parse_assignments
from clps_core.store import Run, Store
from clps_core.words import N_, _, ngettext

__all__ = ["fork_dialog", "open_fork_dialog", "why_no_fork"]

ON = "on"
"""The choice to train on from the last weights, with their optimiser."""
MAX_SEED = 2**31 - 1
MOST_STEPS = 10_000_000


def open_fork_dialog(run_id: str) -> None:
    """The next run of the page has the dialog."""
    st.session_state[state.RUNS_FORK] = run_id


def _close() -> None:
    st.session_state[state.RUNS_FORK] = None


def _weights(store: Store, run: Run) -> dict[str, str]:
    """``best`` and ``last``, as far as the run has them, and what they are called.

    Without their steps, which go on while the run trains: a browser answers with a name that it was shown.
    """
    names = {"best": _("Best"), "last": _("Last")}
    found = {which: names[which] for which in beginnings(store, run)}
    return found | ({ON: _("Continue training")} if "last" in found else {})


def _steps_of(store: Store, run: Run, weights: Mapping[str, str]) -> str:
    """At which steps the weights were kept, in one line."""
    steps = {weights[which]: step for which, step in beginnings(store, run).items()}
    said = (_("{name}: step {step}", name=name, step=f"{step:,}") for name, step in steps.items() if step is not None)
    return " · ".join(said)


def why_no_fork(store: Store, run: Run) -> str | None:
    """Why ``run`` has nothing that another could begin with; ``None`` where it has."""
    if beginnings(store, run):
        return None
    return _("It has no weights yet. Its first checkpoint will have them.")


@dialog(N_("Fork a run"), on_dismiss=_close)
def fork_dialog(store: Store, run: Run) -> None:
    """Ask what the fork of ``run`` begins with and what differs, say what will, and queue it."""
    if st.session_state.get(state.RUNS_FORK) != run.id:
        st.rerun()
    st.markdown(
        _(
            "A new run with the model of **{name}**, starting from the weights chosen here. With best or last, the "
            "optimiser and the learning-rate schedule start again; *Continue training* keeps both and continues from "
            "the last step.",
            name=escape_markdown(run.name),
        )
    )
    weights = _weights(store, run)
    which = st.segmented_control(
        _("Start from weights"),
        list(weights),
        format_func=lambda name: weights.get(name, name),
        default=next(iter(weights), None),
        required=True,
        key=f"fork.which.{run.id}",
    )
    if steps := _steps_of(store, run, weights):
        st.caption(steps)
    settings = _fields(run, on=which == ON) + _typed(run)
    derived = _derived(run, settings, which)
    usual = derived.name if derived is not None else ""
    name = st.text_input(_("Name"), key=f"fork.name.{run.id}", max_chars=MAX_NAME, placeholder=usual)
    refused = derived is None
    pressed = st.button(_("Fork"), type="primary", icon=":material/fork_right:", key="fork.go", disabled=refused)
    if pressed and derived is not None:
        try:
            new = desk().fork(
                run.id,
                parse_assignments(settings),
                start_from=derived.start_from,
                name=name or None,
                keep_optimiser=derived.keep_optimiser,
            )
        except ClpsError as error:
            show_problem(str(error))
            return
        _close()
        _show_beside(run, new)


def _derived(run: Run, settings: list[str], which: str | None) -> DerivedFork | None:
    """The fork as it would be queued, and on the page what it changes; ``None``, and why, where it cannot be."""
    if which is None:
        return None
    try:
        derived = desk().derive_fork(
            run.id,
            parse_assignments(settings),
            start_from="last" if which == ON else which,
            keep_optimiser=which == ON,
        )
    except ClpsError as error:
        show_problem(str(error))
        return None
    lines = change_lines(derived)
    if lines:
        st.markdown(_("**Differences from the parent's config** (all other fields are the same)"))
        st.code("\n".join(lines), language=None, wrap_lines=True)
    else:
        st.markdown(_("Its config is still the same as its parent's."))
    if derived.keep_optimiser:
        st.markdown(rate_sentence(derived.parent.config, derived.config))
    st.caption(_spent(derived))
    return derived


def _spent(derived: DerivedFork) -> str:
    """What was trained before the fork's first step."""
    if not derived.spent.whole:
        return _("The training before its first step is not fully known.")
    return ngettext(
        "Trained before its first step: {steps} step, {time}, {flops} FLOPs.",
        "Trained before its first step: {steps} steps, {time}, {flops} FLOPs.",
        derived.spent.steps,
        steps=f"{derived.spent.steps:,}",
        time=duration(derived.spent.seconds),
        flops=compact(derived.spent.flops),
    )


def _fields(run: Run, *, on: bool) -> list[str]:
    """What is changed most often; only what was changed becomes a setting."""
    config = run.config
    rate, steps, seed = st.columns(3)
    now: dict[str, tuple[float, float]] = {
        "optim.learning_rate": (
            config.optim.learning_rate,
            rate.number_input(
                _("Learning rate"),
                min_value=0.0,
                value=config.optim.learning_rate,
                step=config.optim.learning_rate / 10 or 1e-4,
                format="%.4g",
                key=f"fork.rate.{run.id}",
            ),
        ),
        "train.steps": (
            config.train.steps,
            steps.number_input(
                _("More steps") if on else _("Steps"),
                1,
                MOST_STEPS,
                config.train.steps,
                key=f"fork.steps.{run.id}",
                help=_("In addition to its parent's.") if on else _("Counted from 0 again."),
            ),
        ),
        "seed": (
            config.seed,
            seed.number_input(
                _("Seed"),
                0,
                MAX_SEED,
                config.seed,
                key=f"fork.seed.{run.id}",
                help=_(
                    "Seed of dropout, and of the number of loops if that is random. The examples and their order "
                    "depend on data.seed."
                ),
            ),
        ),
    }
    return [f"{name}={wanted}" for name, (before, wanted) in now.items() if wanted != before]


def _typed(run: Run) -> list[str]:
    """Any other field, one a line."""
    text = st.text_area(
        _("Other settings, one per line"),
        key=f"fork.typed.{run.id}",
        max_chars=4000,
        height=80,
        placeholder="model.dropout=0.1\ntrain.batch_size=32",
        help=_(
            "Any field as name=value. Model, sharing and task must stay as in the parent, since its weights must "
            "fit; model.dropout may change."
        ),
    )
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _show_beside(parent: Run, new: Run) -> NoReturn:
    """Show the fork next to its parent and the other runs shown, as far as an address can name them."""
    ids = list(st.session_state.get(state.RUNS_SEEN, ()))[: state.MAX_RUNS - 1]
    if parent.id not in ids:
        ids[-1:] = [parent.id]
    ids.append(new.id)
    navigation.go("runs", query={state.RUNS: state.run_ids(ids)})
