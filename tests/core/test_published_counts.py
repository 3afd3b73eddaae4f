"""Figures printed in papers: the counter hits each to the digit, and rounds to what is printed."""

import json
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, SharingConfig
from clps_core.presets import PAPERS, PRESETS
from clps_core.presets.base import resized

FIXTURE = Path(__file__).parents[1] / "fixtures" / "published_counts.json"
PUBLISHED = json.loads(FIXTURE.read_text())["counts"]
UNITS = {"K": 3, "M": 6, "B": 9}


def printed(exact: int, published: str, reading: str) -> str:
    """``exact`` as the paper would print it: in the unit and with the digits of ``published``.

    ``rounded``: to nearest. ``cut``: further digits dropped. ``two_digits``: to nearest, two digits in all.
    """
    unit = UNITS.get(published[-1])
    if unit is None:
        return str(exact)
    value = Decimal(exact).scaleb(-unit)
    decimals = len(published[:-1].partition(".")[2])
    step = Decimal(1).scaleb(value.adjusted() - 1 if reading == "two_digits" else -decimals)
    rounded = value.quantize(step, ROUND_DOWN if reading == "cut" else ROUND_HALF_UP)
    return f"{rounded:f}{published[-1]}"


def counted(entry):
    """The figure that the entry's paper counts, by our counter."""
    like = PRESETS[entry.get("preset") or entry["like"]]
    model = resized(like.model, **entry.get("sizes", {}))
    sharing = SharingConfig(strategy=entry["strategy"]) if "like" in entry else like.sharing
    return figure(count(model, sharing), entry["counted"])


def figure(counts, what):
    return {
        "all": counts.unique_parameters,
        "non_embedding": counts.non_embedding_parameters,
        "kv_cache_bytes_per_token": counts.kv_cache_bytes_per_token,
    }[what]


def entries(*readings, but=()):
    chosen = [entry for entry in PUBLISHED if (entry["reading"] in readings or not readings)]
    return [pytest.param(entry, id=entry["name"]) for entry in chosen if entry["reading"] not in but]


@pytest.mark.parametrize("entry", entries())
def test_published_counts_are_hit_to_the_digit(entry):
    assert counted(entry) == entry["exact"]


@pytest.mark.parametrize("entry", entries(but=("not_reproduced",)))
def test_what_is_counted_rounds_to_what_the_paper_prints(entry):
    assert printed(entry["exact"], entry["published"], entry["reading"]) == entry["published"]


@pytest.mark.parametrize("entry", entries("not_reproduced"))
def test_figures_that_the_papers_own_sizes_do_not_give_say_so_and_are_not_far_off(entry):
    readings = {printed(entry["exact"], entry["published"], one) for one in ("rounded", "cut", "two_digits")}
    assert entry["published"] not in readings
    assert PRESETS[entry["preset"]].note
    stated = float(Decimal(entry["published"][:-1]).scaleb(UNITS[entry["published"][-1]]))
    assert abs(entry["exact"] - stated) < 0.06 * stated


@pytest.mark.parametrize("entry", [one for one in entries() if "model" in one.values[0]])
def test_presets_have_the_sizes_that_the_fixture_writes_out_in_full(entry):
    spelt_out = count(ModelConfig(**entry["model"]), SharingConfig(strategy=entry["strategy"]))
    assert figure(spelt_out, entry["counted"]) == entry["exact"]


def test_the_figures_are_many_and_of_many_papers():
    assert len(PUBLISHED) >= 80
    papers = {entry["paper"] for entry in PUBLISHED}
    assert papers <= set(PAPERS)
    assert len(papers) >= 10
    assert len({entry["name"] for entry in PUBLISHED}) == len(PUBLISHED)


@pytest.mark.parametrize(
    ("exact", "published", "reading", "expected"),
    [
        (345_355_200, "345.3M", "rounded", "345.4M"),
        (345_355_200, "345.3M", "cut", "345.3M"),
        (109_482_240, "110M", "two_digits", "110M"),
        (58_724_864, "60M", "two_digits", "59M"),
        (1_597_282_304, "1.60B", "rounded", "1.60B"),
        (5120, "5120", "rounded", "5120"),
    ],
)
def test_rounding_reads_a_figure_as_a_person_would(exact, published, reading, expected):
    assert printed(exact, published, reading) == expected
