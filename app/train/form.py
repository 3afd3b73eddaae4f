"""What shall be trained: task, strategies, seeds, sizes. Start at train_form.

The form and the address say the same: a link (``?spec=...&strategy=...&seed=...``) fills the form, and
what the form says is written back. A link may set fields that the form does not show; they are kept and
named. Limits are checked by ``matched`` like everywhere else, not by the widgets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import navigation, state
from app.look.formatting import strategy_name
from app.services import desk, escape_markdown, show_problem
from app.train.fields import choice, number
from app.train.optimiser import OPTIMISER_FIELDS, optimiser_part
from clps_core.config import MOST_CLUTTER, RunConfig, build_config
from clps_core.config.data import USUAL_AUGMENT
from clps_core.errors import ClpsError
from clps_core.glossary import meaning
from clps_core.sharing import NAMED_STRATEGIES
from clps_core.spec import to_spec
from clps_core.tasks import TaskFacts, get_task
from clps_core.words import _, sentences

__all__ = ["Asked", "train_form"]

DEFAULT_STRATEGIES = ("none", "all", "cycle")
TASK, STRATEGIES, SEEDS, NAME = "train.task", "train.strategies", "train.seeds", "train.name"
FORM_FIELDS = (
    "train.steps",
    "model.num_layers",
    "model.d_model",
    "model.num_heads",
    "train.batch_size",
    "optim.learning_rate",
    "model.d_ff",
    "model.dropout",
    *OPTIMISER_FIELDS,
    "data.seed",
    "data.difficulty",
    "data.clutter",
    "data.patch_size",
    "data.augment",
    "data.vary_sounds",
    "model.activation",
    "model.norm",
    "model.positions",
)

USUAL_VARIATION = {"augment": USUAL_AUGMENT, "vary_sounds": True}
"""Fields of tasks that take them -> what they are where nobody says it."""


@dataclass(frozen=True)
class Asked:
    """What the form says: ``base`` is the partial config that all runs have in common."""

    base: dict[str, Any]
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    name: str | None


def train_form() -> Asked:
    """Draw the form, filled from the address where that is new; returns what it says, unchecked."""
    _fill_from_address()
    tasks = desk().data.tasks()
    _leave_task_without_data(tasks)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Task"),
            list(tasks),
            format_func=lambda name: tasks[name].title if name in tasks else name,
            key=TASK,
            on_change=_task_chosen,
            persist_state="session",
            width=400,
        )
        navigation.link("data", _("Use your own data"))
    task = chosen or next(iter(tasks))  # a browser that has drawn nothing yet answers with nothing
    st.caption(tasks[task].summary, help=_data_of(tasks[task]))
    strategies = _strategies()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = _seeds()
        number("train.steps", _("Steps"), 1, step=50, note=meaning("step"))
        number("train.batch_size", _("Batch size"), 1, note=meaning("batch"))
        number("optim.learning_rate", _("Learning rate"), 0.0, step=0.0005, form="%.4g", note=meaning("learning-rate"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number("model.num_layers", _("Layers"), 1, note=_("Executed layers of each stack, shared or not."))
        number("model.d_model", _("Width"), 1, step=16, note=meaning("d-model"))
        number("model.num_heads", _("Heads"), 1, note=meaning("head"))
        _difficulty(tasks[task])
        _clutter(tasks[task])
        _patch_size(tasks[task])
        _augment(tasks[task])
        _vary_sounds(tasks[task])
        name = _more(task)
        optimiser_part()
    return Asked(_partial(task), strategies, seeds, name.strip() or None)


def _leave_task_without_data(tasks: Mapping[str, TaskFacts]) -> None:
    """Say why the task that was chosen cannot be used any more, and start from the usual one."""
    if st.session_state[TASK] in tasks:
        return
    try:
        get_task(st.session_state[TASK])
        desk().data.check_use_of(st.session_state[TASK])
    except ClpsError as error:
        show_problem(str(error))
    _fill(build_config({}), DEFAULT_STRATEGIES, (0,))


def _data_of(task: TaskFacts) -> str | None:
    """Where the data are from, and under which licence; ``None`` where the task does not say."""
    words = task.words()
    parts = [_("Data: {source}.", source=words.source)] if words.source else []
    parts += [_("Licence: {licence}.", licence=words.licence)] if words.licence else []
    return escape_markdown(sentences(parts)) or None


def _strategies() -> tuple[str, ...]:
    chosen: Sequence[str] = st.session_state[STRATEGIES]
    known = [*NAMED_STRATEGIES, *(text for text in chosen if text not in NAMED_STRATEGIES)]
    asked = st.multiselect(
        _("Strategies: what the layers share"),
        known,
        format_func=strategy_name,
        key=STRATEGIES,
        accept_new_options=True,
        max_selections=state.MAX_STRATEGIES,
        placeholder=_("Choose, or type one such as cycle:2 or attention=all,ffn=none"),
        help=_(
            "One run for each strategy and seed. You can also type a strategy: cycle:2, 0-1-1-0, "
            "attention=all,ffn=none."
        ),
        persist_state="session",
    )
    return tuple(asked)


def _seeds() -> tuple[int, ...]:
    asked = st.multiselect(
        _("Seeds"),
        sorted({0, 1, 2, 3, 4, *st.session_state[SEEDS]}),
        key=SEEDS,
        max_selections=state.MAX_SEEDS,
        help=_("Each strategy is trained once per seed. Seeds change the initial weights and dropout, never the data."),
        width=220,
        persist_state="session",
    )
    return tuple(asked)


def _more(task: str) -> str:
    with st.popover(_("More"), icon=":material/tune:"):
        name = st.text_input(
            _("Name of the comparison"),
            key=NAME,
            max_chars=120,
            placeholder=_("made from what differs"),
            persist_state="session",
        )
        with st.container(horizontal=True):
            number("model.d_ff", _("FFN width"), 1, step=32, note=meaning("d-ff"))
            number("model.dropout", _("Dropout"), 0.0, step=0.05, form="%.3g", note=meaning("dropout"))
            number(
                "data.seed",
                _("Data seed"),
                0,
                note=_("All runs of a comparison use the same batches in the same order."),
            )
        choice(
            "model.activation",
            _("Activation"),
            {"relu": "ReLU", "gelu": "GELU", "swiglu": "SwiGLU"},
            note=meaning("activation-function"),
        )
        choice("model.norm", _("Norm"), {"layernorm": "LayerNorm", "rmsnorm": "RMSNorm"}, note=meaning("norm"))
        positions = {"sinusoidal": _("sinusoidal"), "learned": _("learned"), "rotary": _("rotary"), "none": _("none")}
        choice("model.positions", _("Positions"), positions, note=meaning("positions"))
        kept = _kept(task)
        if kept:
            listed = ", ".join(f"{path} = {value}" for path, value in kept.items())
            st.caption(_("Also set by the link: {fields}", fields=escape_markdown(listed)))
    return name


def _difficulty(task: TaskFacts) -> None:
    """The dial of a generated task; nothing for another."""
    if task.difficulties is None:
        return
    least, most = task.difficulties
    number(
        "data.difficulty",
        task.words().difficulty or _("Difficulty"),
        least,
        note=_("Difficulty of the task: {least} to {most}.", least=f"{least:,}", most=f"{most:,}"),
    )


def _clutter(task: TaskFacts) -> None:
    """What lies between the objects of a picture; nothing for a task without."""
    if "clutter" in task.takes:
        number(
            "data.clutter",
            _("Clutter"),
            0,
            high=MOST_CLUTTER,
            empty=_("usual"),
            note=_("Fragments in each picture that are no objects: 0 to {most}.", most=MOST_CLUTTER),
        )


def _patch_size(task: TaskFacts) -> None:
    """The dial of a task of images; nothing where patches cannot be chosen."""
    if not task.patch_sizes:
        return
    choice(
        "data.patch_size",
        _("Patch size"),
        {size: str(size) for size in task.patch_sizes},
        note=meaning("image-patch"),
    )


def _augment(task: TaskFacts) -> None:
    """How training images are varied; nothing where a task does not vary them."""
    if "augment" not in task.takes:
        return
    choice(
        "data.augment",
        _("Augmentation"),
        {"none": _("none"), "shifts": _("shifts"), "mirror": _("shifts and mirror")},
        note=_(
            "Shifts: each training image is moved by a few pixels, differently at each step. Mirror: half of them are "
            "mirrored, too, which turns letters and digits into wrong ones."
        ),
    )


def _vary_sounds(task: TaskFacts) -> None:
    """Whether training sounds are varied; nothing where a task does not vary them."""
    if "vary_sounds" not in task.takes:
        return
    choice(
        "data.vary_sounds",
        _("Vary training sounds"),
        {True: _("yes"), False: _("no")},
        note=_("Faster or slower by up to 15 %, and with noise, differently at each step."),
    )


def _fill_from_address() -> None:
    """Take over a link that the form did not write itself; the task's defaults on a first visit."""
    session, address = st.session_state, _address()
    if any(address) and address != session.get(state.TRAIN_LINK):
        spec, strategies, seeds = state.read_spec(), state.read_strategies(), state.read_seeds()
        twice = state.left_out(spec.config, strategies.values, seeds[0])
        for problem in (spec.problem, strategies.problem, seeds[1], *twice):
            if problem:
                show_problem(problem)
        config = spec.config or build_config({})
        own = config.sharing.strategy
        implied = ("none", own) if own != "none" else DEFAULT_STRATEGIES
        _fill(config, strategies.values or implied, seeds[0] or (config.seed,))
        session[state.TRAIN_LINK] = address
    elif TASK not in session:
        _fill(build_config({}), DEFAULT_STRATEGIES, (0,))


def _address() -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    query = st.query_params
    return query.get(state.SPEC, ""), tuple(query.get_all(state.STRATEGY)), tuple(query.get_all(state.SEED))


def write_address(base: RunConfig, asked: Asked) -> None:
    """Put what the form says into the address, once it is known to be sound."""
    seeds = [str(seed) for seed in asked.seeds]
    state.write(**{state.SPEC: to_spec(base), state.STRATEGY: list(asked.strategies), state.SEED: seeds})
    st.session_state[state.TRAIN_LINK] = _address()


def _fill(config: RunConfig, strategies: Sequence[str], seeds: Sequence[int]) -> None:
    session = st.session_state
    session[TASK] = config.data.task
    session[STRATEGIES] = list(strategies)
    session[SEEDS] = list(seeds)
    session.setdefault(NAME, "")
    _fill_fields(config)


def _fill_fields(config: RunConfig) -> None:
    session = st.session_state
    session[state.TRAIN_BASE] = config
    values = _flat(config)
    for path in FORM_FIELDS:
        session[f"train.{path}"] = values[path]


def _task_chosen() -> None:
    _fill_fields(build_config({"data": {"task": st.session_state[TASK]}}))


def _flat(config: RunConfig) -> dict[str, Any]:
    table = {
        f"{group}.{name}": value
        for group, fields in config.as_dict().items()
        if isinstance(fields, dict)
        for name, value in fields.items()
    }
    for dial in ("difficulty", "patch_size"):
        if table[f"data.{dial}"] is None:
            with suppress(ClpsError):  # a task whose data are gone has none
                table[f"data.{dial}"] = getattr(get_task(config.data.task), dial)
    for name, usual in USUAL_VARIATION.items():
        if table[f"data.{name}"] is None:
            with suppress(ClpsError):
                table[f"data.{name}"] = usual if name in get_task(config.data.task).takes else None
    return table


def _kept(task: str) -> dict[str, Any]:
    """Fields that a link set and the form does not show."""
    usual = _flat(build_config({"data": {"task": task}}))
    shown = (*FORM_FIELDS, "data.task", "sharing.strategy")
    return {
        path: value
        for path, value in _flat(st.session_state[state.TRAIN_BASE]).items()
        if path not in shown and value != usual[path]
    }


def _partial(task: str) -> dict[str, Any]:
    """Only what differs from the task's defaults, so that what follows from other fields still follows."""
    usual = _flat(build_config({"data": {"task": task}}))
    partial: dict[str, Any] = {"data": {"task": task}}
    values = _kept(task) | {path: st.session_state[f"train.{path}"] for path in FORM_FIELDS}
    for path, value in values.items():
        if value != usual[path]:
            group, name = path.split(".")
            partial.setdefault(group, {})[name] = value
    return partial
