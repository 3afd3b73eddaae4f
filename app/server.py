"""The entry point of ``clps dashboard``: the pages, with a gate and owners' cookies around them.

``streamlit run app/main.py`` serves the same pages without either, for work on the pages themselves.
"""

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app.look.assets import routes
from app.people.gate import Gate
from app.people.identity import OwnerCookie
from clps_core.addresses import Names
from clps_core.store import default_home

app = st.App(
    Path(__file__).with_name("main.py"),
    routes=routes(st.get_option("server.baseUrlPath")),
    middleware=[
        # The token leaves the environment here, so that no process started from this one inherits it.
        Middleware(Gate, names=Names.of(os.environ.get("CLPS_HOSTS", "")), token=os.environ.pop("CLPS_TOKEN", None)),
        Middleware(OwnerCookie, home=default_home()),
    ],
)
