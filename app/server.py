"""The entry point of a shared server: the dashboard, with owners' cookies around it.

``clps dashboard`` takes this file where the policy's mode is ``shared`` and ``main.py`` otherwise.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app.identity import OwnerCookie
from clps_core.store import default_home

app = st.App(
    Path(__file__).with_name("main.py"),
    middleware=[Middleware(OwnerCookie, home=default_home())],
)
