"""attention: a placeholder until the page is built."""

import streamlit as st

from app.components.frame import header
from clps_core.words import _

header("attention")
st.info(_("This page is being built."))
