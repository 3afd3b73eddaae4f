"""Chapter: what sharing costs, read with its spread from runs that ship."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import streamlit as st

from app import navigation, state
from app.learn.chapter import Chapter, Choice, Estimate, Source
from app.learn.shipped_table import shipped_table
from app.look.formatting import percent
from clps_core.samples.ready import ready_named
from clps_core.samples.shipped import Figures, figures_of
from clps_core.samples.stories import judge_of, shown_spread
from clps_core.words import _, ngettext

__all__ = ["CHAPTER"]

PAIRS, HOPS = "pairs", "hops"
ALIKE = 0.02
"""Shares nearer than this count as equally good in a sentence."""


def _by(key: str) -> Mapping[str, Figures]:
    return {one.design.key: one for one in figures_of(ready_named(key))}


def _mean(key: str, design: str) -> float:
    ready = ready_named(key)
    return fmean(_by(key)[design].test[judge_of(ready).name])


def _claim() -> str:
    return _(
        "Sharing can cost a lot, or nothing: it depends on what the task needs. One run shows little. Several runs "
        "with different seeds show how much the result varies by itself."
    )


def _asks() -> str:
    return _(
        "A model learns {n} pairs by heart. Four stored layers know {share} of them after training. One stored layer "
        "that runs four times is trained for as many steps. What share of them does it know?",
        n=f"{64 * 64:,}",
        share=percent(_mean(PAIRS, "none")),
    )


def _why() -> str:
    ready, by = ready_named(PAIRS), _by(PAIRS)
    metric = judge_of(ready)
    seeds = ngettext("{n} seed", "{n} seeds", len(ready.seeds))
    return _(
        "It is {shared} (mean and standard deviation of {seeds}), against {plain} with four stored layers.",
        shared=shown_spread(by["all"].spread(metric.name), metric),
        plain=shown_spread(by["none"].spread(metric.name), metric),
        seeds=seeds,
    )


def _act() -> None:
    for key in (PAIRS, HOPS):
        shipped_table(ready_named(key))
    with st.container(horizontal=True):
        query = {state.STRATEGY: ["none", "cycle:2", "all"], state.SPEC: f"1;task={PAIRS}"}
        navigation.link("train", _("Train it live"), query=query)


def _seen() -> str:
    once, looped, three = (_mean(HOPS, key) for key in ("1-all", "3-all", "3-none"))
    four, one = _mean(PAIRS, "none"), _mean(PAIRS, "all")
    known = {
        "four": percent(four),
        "one": percent(one),
        "looped": percent(looped),
        "three": percent(three),
        "once": percent(once),
    }
    if one < four / 2 and abs(looped - three) < ALIKE and once < looped / 2:
        return _(
            "Where pairs have to be stored, sharing costs most of the accuracy: {four} with four stored layers, {one} "
            "with one. Where two lookups have to follow one another, it costs almost nothing: one stored layer that "
            "runs three times is right in {looped}, three stored layers in {three}. A layer that was trained to run "
            "once has just as many weights as the one that runs three times, and is right in {once}: here the repeated "
            "use of the weights makes the difference, not their number.",
            **known,
        )
    return _(
        "Pairs: {four} with four stored layers, {one} with one. Two lookups: {looped} with one stored layer run three "
        "times, {three} with three stored layers, {once} with one layer run once.",
        **known,
    )


def _open() -> str:
    return _(
        "Both tasks are made to show one thing each. The pairs are scored after equally many steps: the shared layer "
        "learns more of them with more steps. Real text lies in between."
    )


CHAPTER = Chapter(
    "costs",
    lambda: _("What sharing costs"),
    8,
    lambda: _(
        "With fewer stored weights a model may become worse. How much? Here are two tasks, each with three designs "
        "and three seeds, already trained."
    ),
    _claim,
    Estimate(_asks, lambda: _mean(PAIRS, "all"), _why),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("Why does each design have three seeds?"),
            lambda: {
                "spread": _("To see how much the result varies without any change of the design"),
                "best": _("To take the best of the three"),
                "data": _("To train on three times as much data"),
            },
            lambda: "spread",
            lambda: _(
                "A difference between designs counts only if it is clearly larger than the differences between seeds. "
                "Compare tests this over pairs of runs with the same seed."
            ),
        ),
        Choice(
            lambda: _("For which of these is a shared layer that runs several times a good choice?"),
            lambda: {
                "facts": _("To know many facts by heart"),
                "steps": _("To do the same step of work several times"),
                "never": _("For neither"),
            },
            lambda: "steps",
            lambda: _("Facts need stored weights. A repeated step can use the same weights each time."),
        ),
        Choice(
            lambda: _(
                "Three pairs of runs with the same seeds differ by -2, 1 and 4 points, 1 point on average. Which "
                "design is better?"
            ),
            lambda: {
                "first": _("The one with the higher mean"),
                "unknown": _("That cannot be said from these runs"),
            },
            lambda: "unknown",
            lambda: _(
                "One of the three differences points the other way, and their spread is larger than their mean, "
                "1 point. Compare says so itself, and often estimates how many more seeds would settle it."
            ),
        ),
    ),
    (
        Source(
            "Lan et al. 2019, ALBERT",
            "https://arxiv.org/abs/1909.11942",
            lambda: _(
                "Average score on five tasks (SQuAD 1.1 and 2.0, MNLI, SST-2, RACE), with token embeddings of 128 "
                "numbers: no sharing 81.6, shared attention 81.7, shared FFN 80.2, all shared 80.1."
            ),
        ),
    ),
    uses=("seed", "accuracy", "standard-deviation"),
)
