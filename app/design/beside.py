"""The design that stands beside the chosen one. Start at beside_of.

In the address it is the name of a paper's preset, ``run:`` and a run's id, or the spec of a whole design
(``clps_core.spec``). An address is a stranger's input: whatever it says, it is read here, within the bounds of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from app import state
from app.design.designs import Costed, Designs, cost, counted_model, current_designs, save_designs
from app.design.origins import origins
from app.services import check_use_of, store
from clps_core.config import ModelConfig, RunConfig
from clps_core.errors import ClpsError
from clps_core.presets import PRESETS
from clps_core.sharing import parse_strategy
from clps_core.spec import from_spec, to_spec
from clps_core.store import Run

__all__ = ["Beside", "beside_of", "close_beside", "put_beside", "swap", "take_other", "text_of", "with_design"]

RUN = "run:"
MOST_TAKEN = 16


@dataclass(frozen=True)
class Beside:
    """A whole design: ``config`` with its strategy, and what that means and costs."""

    config: RunConfig
    design: Costed


def beside_of(text: str) -> Beside:
    """The design that ``text`` names; raises ``ClpsError`` where there is none, or none this person may see."""
    name = ""
    if text.startswith(RUN):
        run = store().run(text.removeprefix(RUN))
        config, name = run_design(run), run.name
    elif text in PRESETS:
        config, name = origins()[text].designs.config(PRESETS[text].sharing.strategy), PRESETS[text].model_name
    else:
        config = from_spec(text)
        check_use_of(config.data.task, config.data.tokenizer)
    strategy = parse_strategy(config.sharing.strategy).text
    return Beside(config, cost(counted_model(config), strategy, -1, name))


def run_design(run: Run) -> RunConfig:
    """The config of ``run`` as a design: what its task fills in is left out.

    Raises ``ClpsError`` where its data set may not be used.
    """
    check_use_of(run.config.data.task, run.config.data.tokenizer)
    return from_spec(to_spec(run.config))


def text_of(designs: Designs, strategy: str) -> str:
    """How an address names one of ``designs`` as it is now: as what it was taken from, else by its spec."""
    spec = to_spec(designs.config(strategy))
    taken: dict[str, str] = st.session_state.get(state.DESIGN_TAKEN, {})
    if spec in taken:
        return taken[spec]
    for origin in origins().values():
        preset = origin.preset
        if preset is None or origin.designs.base.model != designs.base.model or preset.sharing.strategy != strategy:
            continue
        if to_spec(origin.designs.config(strategy)) == spec:
            return origin.name
    return spec


def with_design(designs: Designs, config: RunConfig) -> Designs:
    """``designs`` with the whole design ``config`` opened: its sizes, and its strategy in the list.

    At other sizes the strategies stay that fit them. Where the list is full, the strategy replaces the chosen one.
    """
    bare = config.model_copy(update={"sharing": designs.config("none").sharing})
    strategy = parse_strategy(config.sharing.strategy).text
    if to_spec(bare) != to_spec(designs.config("none")):
        model = counted_model(bare)
        fitting = tuple(one for one in designs.strategies if one == strategy or _fits(model, one))
        chosen = min(designs.chosen, max(0, len(fitting) - 1))
        designs = replace(designs, base=bare, strategies=fitting or (strategy,), chosen=chosen)
    full = len(designs.strategies) >= state.MAX_STRATEGIES
    return designs.with_strategy(strategy, designs.chosen if full else None)


def _fits(model: ModelConfig, strategy: str) -> bool:
    try:
        cost(model, strategy)
    except ClpsError:
        return False
    return True


def put_beside(text: str) -> None:
    """Show the design that ``text`` names beside the chosen one; for callbacks."""
    save_designs(replace(current_designs(), beside=text))


def close_beside() -> None:
    """The chosen design alone again."""
    put_beside("")


def swap(strategy: str) -> None:
    """The other design becomes the current one, and the current one, whose strategy is ``strategy``, the other."""
    _take(text_of(current_designs(), strategy))


def take_other() -> None:
    """The other design becomes the current one, and stands alone."""
    _take("")


def _take(beside: str) -> None:
    known = current_designs()
    try:
        other = beside_of(known.beside)
        found = with_design(known, other.config)
    except ClpsError as error:
        st.session_state[state.DESIGNS_PROBLEM] = str(error)
        return
    taken = st.session_state.get(state.DESIGN_TAKEN, {}) | {to_spec(other.config): known.beside}
    st.session_state[state.DESIGN_TAKEN] = dict(list(taken.items())[-MOST_TAKEN:])
    save_designs(replace(found, beside=beside))
    state.renew_fields()
