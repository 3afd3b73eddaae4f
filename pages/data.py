"""What do you want to train on? Your own data sets, and those that ship."""

import streamlit as st

from app.data.adding import add_section
from app.data.sets import sets_section, shipped_section
from app.look.frame import header
from app.services import show_problem, store
from clps_core.errors import ClpsError
from clps_core.own_data.uploads import tidy
from clps_core.words import _


def page() -> None:
    header("data")
    st.markdown(
        _("Your texts, pictures or sounds become a task like any other: train on them, compare designs, look inside.")
    )
    try:
        tidy(store().home)
    except ClpsError as error:
        show_problem(str(error))
        return
    add_section()
    sets_section()
    shipped_section()


page()
