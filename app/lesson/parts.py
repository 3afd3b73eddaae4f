"""The parts of pages that a lesson may hide or lock, by name. Start at parts_of and selector.

Streamlit puts the key of a widget or container into a class of its element, and the browser does the rest: a hidden
part is not shown, a locked one takes no clicks and no keys. That helps people look at one thing. It protects nothing:
whoever leaves the lesson, or opens the page's address without it, has all parts again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clps_core.words import N_, Worded

__all__ = ["PARTS", "Part", "parts_of", "selector", "unknown_parts"]


@dataclass(frozen=True)
class Part:
    """``page`` is the name of its page, empty for all of them; ``keys`` are what its elements' keys begin with.

    ``also`` are further selectors, for what has no key.
    """

    page: str
    name: str
    keys: tuple[str, ...]
    title: Worded = Worded()
    also: tuple[str, ...] = ()


PARTS: tuple[Part, ...] = (
    Part("", "sidebar", (), N_("Side bar"), ('[data-testid="stSidebar"]', '[data-testid="stExpandSidebarButton"]')),
    Part(
        "", "downloads", (), N_("Pictures and files"),
        tuple(f'[class{how}"-{what}{end}"]' for what in ("picture", "csv") for how, end in (("*=", " "), ("$=", ""))),
    ),
    Part("start", "pictures", ("sharing_picture",), N_("The picture of sharing")),
    Part("start", "comparisons", ("live_ready",), N_("Comparisons")),
    Part("start", "ways", ("cards_ways",), N_("Ways to begin")),
    Part("learn", "chapters", ("learn.open.", "learn.all", "learn.next"), N_("Ways to other chapters")),
    Part("design", "start_from", ("design_origin",), N_("Start from")),
    Part("design", "sizes", ("design_num_", "design_d_"), N_("Sizes of the model")),
    Part("design", "map", ("sharing_map", "sharing_pair"), N_("Sharing map")),
    Part("design", "counts", ("counts_figure",), N_("Counts")),
    Part("design", "schemes", ("scheme_cards",), N_("Schemes to choose from")),
    Part("design", "matching", ("match_panel_design",), N_("Match a budget")),
    Part("data", "adding", ("data.way", "data.file"), N_("Adding data")),
    Part("train", "way", ("train.way",), N_("What differs")),
    Part("train", "task", ("train.task",), N_("Task")),
    Part("train", "strategies", ("train.strategies",), N_("Strategies")),
    Part("train", "seeds", ("train.seeds",), N_("Seeds")),
    Part("train", "sizes", ("train.model.",), N_("Sizes of the model")),
    Part("train", "training", ("train.train.", "train.optim."), N_("Training")),
    Part("runs", "view", ("runs.view",), N_("View")),
    Part("runs", "comparison", ("runs.comparison",), N_("Choice of the comparison")),
    Part("runs", "actions", ("actions.",), N_("Actions of runs")),
    Part("runs", "table", ("live_runs", "runs.table."), N_("Runs")),
    Part("compare", "runs", ("compare.comparisons", "compare.runs"), N_("Choice of the runs")),
    Part("compare", "judging", ("compare.reference", "match_offer"), N_("Verdicts: choices")),
    Part("compare", "costs", ("compare.cost", "compare.scatter."), N_("Quality against cost")),
    Part("compare", "matching", ("match_panel_compare",), N_("Match a budget")),
    Part("tryit", "runs", ("tryit.task", "tryit.runs"), N_("Choice of the runs")),
    Part("tryit", "text", ("tryit.example", "attention.text", "attention.option"), N_("Text")),
    Part("tryit", "options", ("tryit.loops", "tryit.temperature", "tryit.to", "tryit.draw"), N_("Options")),
    Part("tryit", "answers", ("tryit.answer",), N_("Answers")),
    Part("attention", "runs", ("attention.run", "attention.beside"), N_("Choice of the runs")),
    Part("attention", "views", ("attention.view",), N_("View")),
    Part("attention", "text", ("attention.text", "attention.option", "attention.target"), N_("Text")),
    Part("attention", "changes", ("attention.without", "attention.loops"), N_("Changes of the model")),
    Part("attention", "answer", ("attention.answer",), N_("Answers")),
    Part("attention", "maps", ("attention.grid", "attention.maps", "attention.kind"), N_("Attention maps")),
    Part("depth", "runs", ("depth.task", "depth.runs"), N_("Choice of the runs")),
    Part("depth", "loops", ("depth.depths", "depth.evaluate"), N_("Loops to try")),
    Part("depth", "curves", ("depth.curves", "depth.metric", "depth.x"), N_("Quality at each depth")),
    Part("depth", "text", ("attention.text", "attention.option", "depth.loops"), N_("Text")),
)  # fmt: skip


def parts_of(page: str) -> dict[str, Part]:
    """The parts of a page and those of all pages, by name."""
    return {one.name: one for one in PARTS if one.page in ("", page)}


def unknown_parts(page: str, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that ``page`` has not."""
    known = parts_of(page)
    return [one for one in names if one not in known]


def selector(page: str, names: Sequence[str]) -> str:
    """What in the page's document are the parts with these names, without unknown ones; empty for none."""
    known = parts_of(page)
    chosen = [known[one] for one in names if one in known]
    return ", ".join(rule for one in chosen for rule in (*map(_of_key, one.keys), *one.also))


def _of_key(key: str) -> str:
    """As Streamlit writes a key into a class."""
    return f'[class*="st-key-{re.sub(r"[^A-Za-z0-9_-]", "-", key)}"]'
