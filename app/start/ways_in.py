"""The ways in from Start."""

from __future__ import annotations

import streamlit as st

from app import navigation
from clps_core.words import _

__all__ = ["ways_in"]


def ways_in() -> None:
    """Learn, Design, Train, Attention: what each is good for, and its link."""
    ways = (
        (
            "learn",
            _("New to this? Short chapters: predict a result, then see it on the real thing."),
            _("See the chapters"),
        ),
        (
            "design",
            _("Which layers use which weights? Draw a sharing map and see immediately what it saves."),
            _("Design a sharing map"),
        ),
        (
            "train",
            _("Train models with and without sharing side by side, on the same data, in the background."),
            _("Train a comparison"),
        ),
        (
            "attention",
            _("Look into layers that have the same weights but different inputs."),
            _("Look inside"),
        ),
    )
    with st.container(horizontal=True, key="cards_ways"):
        for name, sentence, label in ways:
            with st.container(border=True, height="stretch"):
                facts = navigation.page(name)
                st.subheader(facts.title, anchor=False)
                st.markdown(sentence)
                navigation.link(name, label)
