"""From a design on Design to another scheme at the same budget, to look at or to train. Start at match_section."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, state
from app.design.designs import Costed, Designs, save_designs
from app.match.choices import CLOSED, Matchable
from app.match.panel import match_panel
from app.services import escape_markdown
from clps_core.config import SharingConfig, resolve
from clps_core.errors import ClpsError
from clps_core.matching import Match
from clps_core.spec import to_spec
from clps_core.words import _

__all__ = ["match_section"]


def match_section(designs: Designs, found: Sequence[Costed]) -> None:
    """The panel of the designs that fit (``found``, not empty), and where the match can be opened."""
    keys = {one.index: str(one.index) for one in found}
    matchable = {keys[one.index]: Matchable(one.name, designs.config(one.strategy)) for one in found}
    matched = match_panel("design", matchable, keys.get(designs.chosen, next(iter(matchable))))
    if matched is not None:
        _ways_on(matched[1])


def _ways_on(found: Match) -> None:
    """To the matched design, and to training it; a sentence where its sizes cannot be trained."""
    scheme = found.config.sharing.strategy
    base = found.config.model_copy(update={"sharing": SharingConfig()})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Open the matched design"),
            icon=navigation.page("design").icon,
            key="design.match.open",
            on_click=_opened,
            args=(Designs(base, (scheme,), 0),),
        )
        try:
            resolve(found.config)
        except ClpsError as error:
            st.caption(escape_markdown(_("This design cannot be trained: {problem}", problem=error)))
            return
        navigation.link(
            "train", _("Train with this design"), query={state.SPEC: to_spec(base), state.STRATEGY: [scheme]}
        )


def _opened(designs: Designs) -> None:
    save_designs(designs, **CLOSED)
    state.renew_fields()
