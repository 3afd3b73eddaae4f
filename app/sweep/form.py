"""What a sweep varies besides strategies and seeds: fields and values, folds, when to stop. Start at sweep_form.

The form only writes down what a sweep's YAML file would say; ``sweep_from_plain`` judges both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from app import state
from app.train.form import TASK, Asked
from clps_core.config import RunConfig
from clps_core.experiment import STRATEGY
from clps_core.tasks import get_task
from clps_core.words import N_, Words, _

__all__ = ["sweep_form"]

FIELDS, METHOD, RUNS, SEED, FOLDS, RULE = (
    f"sweep.{name}" for name in ("fields", "method", "runs", "seed", "folds", "rule")
)
COMMON = Words(
    {
        "optim.learning_rate": N_("Learning rate"),
        "model.d_model": N_("Width"),
        "model.num_layers": N_("Layers"),
        "model.d_ff": N_("FFN width"),
        "model.num_heads": N_("Heads"),
        "model.dropout": N_("Dropout"),
        "optim.weight_decay": N_("Weight decay"),
        "train.batch_size": N_("Batch size"),
        "train.steps": N_("Steps"),
        "model.activation": N_("Activation"),
        "model.positions": N_("Positions"),
    }
)
ELSEWHERE = ("data.task", "data.folds", "data.fold", "train.begin_step", STRATEGY)
"""Fields that the form has in other places, and one that only training on sets."""
LIST = "list"
HEADS = "model.num_heads"
WAYS = Words(
    {
        LIST: N_("one of"),
        "log_uniform": N_("between (log scale)"),
        "uniform": N_("between (linear)"),
        "integers": N_("whole numbers between"),
    }
)
PLACEHOLDERS = Words({LIST: N_("values, separated by commas"), "integers": N_("lowest, highest, step")})


def sweep_form(asked: Asked) -> dict[str, Any]:
    """Draw the form; returns the sweep as plain data, unchecked: what a YAML file would hold."""
    session = st.session_state
    session.setdefault(FIELDS, ["optim.learning_rate"])
    session.setdefault(FOLDS, 1)
    names = _names()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            _("Also vary"),
            names,
            format_func=lambda name: f"{COMMON[name]} ({name})" if name in COMMON else name,
            key=FIELDS,
            help=_("Any field of the config. Strategies and seeds are chosen above."),
            persist_state="session",
        )
        method = st.segmented_control(
            _("Search method"),
            ["grid", "random"],
            format_func={"grid": _("every combination"), "random": _("at random")}.__getitem__,
            default="grid",
            key=METHOD,
            required=True,
            persist_state="session",
        )
    fields: dict[str, Any] = {name: _values(name, method) for name in chosen}
    sweep: dict[str, Any] = {"method": method, "fields": fields}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if method == "random":
            sweep["runs"] = _whole(
                RUNS, _("Draws"), 8, note=_("Number of random combinations. Each is trained once per seed and fold.")
            )
            sweep["seed"] = _whole(SEED, _("Draw seed"), 0, low=0, note=_("Another seed gives other combinations."))
        folds = _whole(
            FOLDS,
            _("Folds"),
            1,
            note=_(
                "2 or more: cross-validation, in which each part of the data is held out once. 1: no cross-validation."
            ),
        )
        stop = _stop()
    if asked.strategies:
        fields[STRATEGY] = list(asked.strategies)
    plain: dict[str, Any] = {"base": asked.base, "sweep": sweep, "seeds": list(asked.seeds), "name": asked.name}
    return plain | ({"folds": folds} if folds > 1 else {}) | ({"stop": stop} if stop else {})


def _names() -> list[str]:
    """All fields of a run's groups, the usual ones first."""
    found = [
        f"{group}.{name}"
        for group, part in RunConfig.model_fields.items()
        for name in getattr(part.annotation, "model_fields", {})
    ]
    return [*COMMON, *(name for name in found if name not in COMMON and name not in ELSEWHERE)]


def _values(name: str, method: str) -> Any:
    """One row: how, and which values; as a YAML file says it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = LIST
        if method == "random":
            st.session_state.setdefault(f"sweep.way.{name}", _usual_way(name))
            way = st.selectbox(
                COMMON.get(name, name), list(WAYS), format_func=WAYS.__getitem__, key=f"sweep.way.{name}", width=220,
                persist_state="session",
            )  # fmt: skip
        key = f"sweep.{way}.{name}"
        st.session_state.setdefault(key, _suggestion(name, way))
        text = st.text_input(
            COMMON.get(name, name) if method == "grid" else _("Values"),
            key=key,
            max_chars=2000,
            placeholder=PLACEHOLDERS.get(way, _("lowest, highest")),
            persist_state="session",
        )
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    return parts if way == LIST else {way: parts}


def _suggestion(name: str, way: str) -> str:
    """Values around the one that the form has now, to start from."""
    group, _dot, field = name.partition(".")
    value = _now(name)
    kind = type(getattr(RunConfig(), group)).model_fields[field].annotation
    if way != LIST:
        # A width must fit its heads, and rotary positions take pairs of a head's numbers.
        return _range(value, way, 2 * int(_now(HEADS)) if name == "model.d_model" else 1)
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if isinstance(value, bool):
        return "true, false"
    if isinstance(value, int):
        return ", ".join(str(one) for one in dict.fromkeys([max(1, value // 2), value, value * 2]))
    if isinstance(value, float):
        return f"{value / 4:g}, {value:g}, {value * 4:g}" if value else "0, 0.1, 0.2"
    return ""


def _now(name: str) -> Any:
    """The value that the form has of field ``name``."""
    group, _dot, field = name.partition(".")
    return st.session_state.get(f"train.{name}", getattr(getattr(st.session_state[state.TRAIN_BASE], group), field))


def _usual_way(name: str) -> str:
    """A random search draws numbers from a range, so that it has more than a few to choose from; heads fit a width."""
    value = _now(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or name == HEADS:
        return LIST
    if isinstance(value, int):
        return "integers"
    return "log_uniform" if value else "uniform"


def _range(value: object, way: str, step: int) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    if way == "integers":
        low, high = max(1, int(value) // 2), max(2, int(value) * 2)
        return f"{low}, {high}" if step == 1 else f"{step * math.ceil(low / step)}, {high}, {step}"
    return f"{value / 10:g}, {value * 10:g}" if value else "0.001, 0.3"


def _stop() -> dict[str, Any] | None:
    rules = {
        "": _("never"),
        "median": _("if worse than half of the others"),
        "patience": _("if it stops improving"),
        "threshold": _("if the quality is still too low"),
    }
    rule = st.selectbox(
        _("End a run early"), list(rules), format_func=rules.__getitem__, key=RULE, width=280, persist_state="session"
    )
    if not rule:
        return None
    given: Mapping[str, Any]
    if rule == "patience":
        given = {
            "evaluations": _whole(
                "sweep.evaluations",
                _("Evaluations"),
                3,
                note=_("The run ends after this many evaluations without improvement."),
            )
        }
    else:
        after = _whole("sweep.after", _("From step"), max(1, int(st.session_state["train.train.steps"]) // 4))
        given = {"after": after}
        if rule == "median":
            note = _("Number of other runs that must have reached this step, on the same examples.")
            given = {"after": after, "runs": _whole("sweep.others", _("Other runs"), 4, note=note)}
        if rule == "threshold":
            judge = get_task(st.session_state[TASK]).judged_by
            key = "sweep.share" if judge.percent else f"sweep.{judge.name}"
            st.session_state.setdefault(key, judge.usual)
            value = st.number_input(
                _("Required quality"), key=key, format="%.4g", width=132, persist_state="session",
                help=_("In the metric's own unit: for an accuracy of 80 %, type 0.8."),
            )  # fmt: skip
            given = {"value": value, "after": after}
    return {"rule": rule, **given}


def _whole(key: str, label: str, usual: int, *, low: int = 1, note: str | None = None) -> int:
    st.session_state.setdefault(key, usual)
    return int(st.number_input(label, min_value=low, step=1, key=key, help=note, width=132, persist_state="session"))
