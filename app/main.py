"""The dashboard's entry point: the frame around every page, and nothing more.

Start it with ``clps dashboard`` (or ``streamlit run app/main.py``). Pages are in ``pages/``, their
registry in ``app/navigation.py``.
"""

import streamlit as st

from app import navigation
from app.look.frame import MARK, SIDEBAR_WIDTH, frame
from app.look.language import read_by_session
from app.look.working import opening
from app.people.identity import is_own_page
from clps_core.words import _

read_by_session()
if not is_own_page():  # no widget is drawn, so none can be used
    st.error(_("Only pages of this server may request this."))
    st.stop()
st.set_page_config(page_icon=MARK, layout="wide", initial_sidebar_state=SIDEBAR_WIDTH)
current = st.navigation(navigation.streamlit_pages())
navigation.remember(navigation.name_of(current))
st.set_page_config(page_title=f"{current.title} · CLPS Lab")
frame()
with opening(_("Opening the page ..."), "app.people.identity_panel", "app.runs.news", "app.lesson.banner"):
    from app.lesson.banner import lesson_banner
    from app.people.identity_panel import identity_panel
    from app.runs.news import run_news
    from app.services import page_guard
with page_guard():
    identity_panel()
    run_news()
    lesson_banner(navigation.name_of(current))
    current.run()
