"""train: a placeholder until the page is built."""

import streamlit as st

from app.components.frame import header
from clps_core.words import _

header("train")
st.info(_("This page is being built."))
