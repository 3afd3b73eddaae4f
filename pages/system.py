"""What is this machine doing? Slots, queue, supervisor, disk, store, versions."""

import streamlit as st

from app.look.frame import header
from app.look.ticking import ticking
from app.services import desk, page_guard, show_problem, store
from app.system.model_process import model_process
from app.system.view import figures, quotas, slots_and_queue, store_and_versions
from clps_core.errors import ClpsError
from clps_core.jobs import service
from clps_core.jobs.overview import overview

BUSY_SECONDS, IDLE_SECONDS = 2.0, 10.0


def page() -> None:
    header("system")
    try:
        active = store().has_jobs()
        desk()
    except ClpsError as error:
        show_problem(str(error))
        store_and_versions(None, None)
        return
    ticking("system", live, BUSY_SECONDS if active else IDLE_SECONDS)(active)


@page_guard()
def live(was_active: bool) -> None:
    """Everything that changes, read again regularly; more often while something is active."""
    if store().has_jobs() != was_active:
        st.rerun()
    problem = None
    try:
        service.ensure_supervisor(store())
    except ClpsError as error:
        problem = str(error)
    found, here = overview(store()), desk()
    figures(found, problem)
    slots_and_queue(found, here)
    model_process()
    quotas(here)
    store_and_versions(found, here)


page()
