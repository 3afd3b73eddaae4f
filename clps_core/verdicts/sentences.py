"""Verdicts in words. No sentence says more than the pairs of runs do. Start at sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping

from clps_core.metrics import Metric
from clps_core.numbers import percent, three_digits
from clps_core.sweeps.results import ERROR, FEWEST_PAIRS, Spread
from clps_core.verdicts.budgets import LOAD, NEAR, NEAR_SECONDS, Budget, Compared
from clps_core.verdicts.evidence import MOST_SEEDS
from clps_core.verdicts.judging import Verdict, Verdicts
from clps_core.words import _, listed, ngettext, sentences, together

__all__ = ["basis", "said_gap", "sentence", "time_not_compared"]

MOST_FIELDS = 4


def sentence(one: Verdict, among: Verdicts, names: Mapping[str, str]) -> str:
    """``one`` in one to three sentences, as plain text; ``names``: what each design is called, by its key."""
    name, other = (names.get(design.key, design.key) for design in (one.design, one.reference))
    if one.kind == "none" or one.gap is None or one.budgets is None:
        return _("{name} and {other}: {why}", name=name, other=other, why=_why(one, among, names))
    metric, gap = among.metric, one.gap
    size, figures = said_gap(metric, abs(gap.mean), gap), _figures(one, metric)
    if one.kind == "better":
        said = _(
            "{name} is better than {other} by {gap} ({figures}).", name=name, other=other, gap=size, figures=figures
        )
    elif one.kind == "worse":
        said = _(
            "{name} is worse than {other} by {gap} ({figures}).", name=name, other=other, gap=size, figures=figures
        )
    elif one.kind == "as_good":
        margin = said_margin(among)
        said = _(
            "{name} is as good as {other} within {margin}: the difference is {gap} ({figures}).",
            name=name, other=other, margin=margin, gap=said_gap(metric, gap.mean, gap), figures=figures,
        )  # fmt: skip
    else:
        said = _(
            "Cannot tell {name} and {other} apart: the difference is {gap} ({figures}).",
            name=name, other=other, gap=said_gap(metric, gap.mean, gap), figures=figures,
        )  # fmt: skip
        said = f"{said} {_unclear(one, among)}"
    return sentences(part for part in (said, _on_test(one, metric), _matched(one.budgets)) if part)


def basis(found: Verdicts) -> str:
    """How the verdicts were made, in a few sentences."""
    said = [
        _(
            "Compares each design's best {metric} on validation over pairs of runs with the same seed, data seed and "
            "fold (paired t test at 5 %). Positive differences: better than the reference.",
            metric=found.metric.in_a_sentence,
        )
    ]
    if found.family > 1:
        said.append(
            ngettext(
                "p values are corrected (Holm) for {n} comparison; intervals are uncorrected.",
                "p values are corrected (Holm) for {n} comparisons; intervals are uncorrected.",
                found.family,
            )
        )
    if found.chosen_by_result and found.family:
        said.append(_("The reference was chosen by its result, so all matched pairs of designs count as comparisons."))
    said.append(
        _(
            "As good means within {margin}, by two one-sided tests. Matched means that stored parameters or training "
            "FLOPs at the end of the schedule are within {near}, or seconds within {seconds} (CPU seconds, or "
            "wall-clock seconds on a GPU).",
            margin=said_margin(found),
            near=percent(NEAR, 0),
            seconds=percent(NEAR_SECONDS, 0),
        )
    )
    return sentences(said)


def said_margin(found: Verdicts) -> str:
    """The margin in the metric's unit: the reference's mean decides it where it is no share."""
    if found.metric.percent:
        return found.metric.margin_in_words
    return _("{margin} (1 % of the reference)", margin=_number(found.metric, found.margin, 2))


def said_gap(metric: Metric, value: float, of: Spread) -> str:
    """A difference with its unit, to the digits that its interval leaves."""
    return _with_unit(metric, _number(metric, value, _digits(metric, of)))


def _with_unit(metric: Metric, number: str) -> str:
    if metric.percent:
        return _("{number} points", number=number)
    return f"{number} {metric.unit}".rstrip()


def _number(metric: Metric, value: float, digits: int) -> str:
    text = f"{metric.scale * value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def _digits(metric: Metric, of: Spread) -> int:
    """Decimals that leave two digits of half the interval's width."""
    low, high = of.interval(1 - ERROR)
    half = metric.scale * (high - low) / 2 if math.isfinite(high - low) and high > low else metric.scale * abs(of.mean)
    return max(0, min(6, 1 - math.floor(math.log10(half)))) if half > 0 else 1


def _figures(one: Verdict, metric: Metric) -> str:
    """The interval, pairs and p value of a difference; of a named direction the interval has its sign."""
    gap = one.gap
    assert gap is not None
    low, high = gap.interval(1 - ERROR)
    if one.kind == "worse":
        low, high = -high, -low
    digits = _digits(metric, gap)
    interval = _("95 % interval {low} to {high}", low=_number(metric, low, digits), high=_number(metric, high, digits))
    p = one.p_as_good if one.kind == "as_good" else one.p
    said = [interval, ngettext("{n} pair", "{n} pairs", gap.count), f"p = {p:.2g}" if p and p >= 0.001 else "p < 0.001"]
    if one.family > 1:
        said[-1] = _("{p} by Holm", p=said[-1])
    return listed(said)


def _unclear(one: Verdict, among: Verdicts) -> str:
    """What would settle it, and where an interval without 0 is no verdict."""
    said = []
    gap, needed = one.gap, one.needed
    if gap is not None and not gap.may_be_chance:
        said.append(
            _(
                "The uncorrected interval of this pair excludes 0; among {n} comparisons, one may do so by chance.",
                n=one.family,
            )
        )
    if needed is None:
        said.append(_("More than {n} additional seeds would be needed to tell.", n=f"{MOST_SEEDS:,}"))
    elif needed.shows == "difference":
        said.append(
            ngettext(
                "About {n} more seed would show the difference with 80 % probability, if the difference and its "
                "spread stay the same.",
                "About {n} more seeds would show the difference with 80 % probability, if the difference and its "
                "spread stay the same.",
                needed.seeds,
            )
        )
    else:
        said.append(
            ngettext(
                "About {n} more seed would show with 80 % probability that both are as good within {margin}, if the "
                "difference and its spread stay the same.",
                "About {n} more seeds would show with 80 % probability that both are as good within {margin}, if the "
                "difference and its spread stay the same.",
                needed.seeds,
                margin=said_margin(among),
            )
        )
    return sentences(said)


def _on_test(one: Verdict, metric: Metric) -> str:
    """The test scores of the same pairs, which chose nothing; positive where the design is better.

    Where the verdict is that it is worse, by how much, so that the sign is that of the interval before.
    """
    gap = one.test_gap
    if gap is None or gap.count < FEWEST_PAIRS or not gap.deviation:
        return ""
    low, high = gap.interval(1 - ERROR)
    digits = _digits(metric, gap)
    if one.kind == "worse" and gap.mean < 0:
        return _(
            "On the test split it is worse by {gap} (95 % interval {low} to {high}).",
            gap=_with_unit(metric, _number(metric, -gap.mean, digits)),
            low=_number(metric, -high, digits),
            high=_number(metric, -low, digits),
        )
    return _(
        "On the test split the difference is {gap} (95 % interval {low} to {high}).",
        gap=said_gap(metric, gap.mean, gap),
        low=_number(metric, low, digits),
        high=_number(metric, high, digits),
    )


def budget_name(budget: Budget, *, wall: bool) -> str:
    """What a budget is called in a sentence."""
    if budget == "parameters":
        return _("stored parameters")
    if budget == "flops":
        return _("training FLOPs")
    return _("seconds") if wall else _("CPU seconds")


def _matched(found: Compared) -> str:
    named = [budget_name(one, wall=found.wall) for one in found.matched]
    return _("Matched in {budgets}.", budgets=together(named))


def _ratios(found: Compared) -> str:
    return listed(
        _("{times}× the {budget}", times=three_digits(ratio), budget=budget_name(one, wall=found.wall))
        for one, ratio in found.ratios.items()
    )


def time_not_compared(found: Compared) -> str:
    """Why times are not compared; empty where they are."""
    if found.time == "not_recorded":
        return _("Seconds are not compared: the CPU time of some of these runs was not recorded.")
    if found.time == "elsewhere":
        return _("Seconds are not compared: some of these runs were trained elsewhere.")
    if found.time == "device":
        return _(
            "Seconds are not compared: these runs were trained on different devices or with different numbers of "
            "threads."
        )
    if found.time == "load":
        return _(
            "Seconds are not compared: the machine was busier for one of the two (CPU seconds per wall second differ "
            "by more than {percent}).",
            percent=percent(LOAD - 1, 0),
        )
    return ""


def _why(one: Verdict, among: Verdicts, names: Mapping[str, str]) -> str:
    """Why there is no verdict."""
    about = one.about
    whose = names.get(about.get("design", ""), "")
    if one.why == "unmatched" and one.budgets is not None:
        said = _(
            "no verdict, because the budgets differ. The first uses {ratios} of the second. Match one of them first.",
            ratios=_ratios(one.budgets),
        )
        return sentences(part for part in (said, time_not_compared(one.budgets)) if part)
    if one.why == "data" and about["fields"]:
        fields = ", ".join(about["fields"][:MOST_FIELDS])
        return _("no verdict, because they were trained or scored on different data ({fields}).", fields=fields)
    if one.why == "few_pairs":
        return ngettext(
            "cannot tell from {n} pair of runs with the same seed, data seed and fold. A verdict takes at least "
            "{least}, and often more.",
            "cannot tell from {n} pairs of runs with the same seed, data seed and fold. A verdict takes at least "
            "{least}, and often more.",
            about["pairs"],
            least=FEWEST_PAIRS,
        )
    texts = {
        "data": _("no verdict, because they were trained on different data: the fingerprints differ."),
        "fork": _("no verdict, because they start with different weights: one started with trained weights."),
        "unscored": _("no verdict, because a run of {whose} has no evaluation.", whose=whose),
        "failed": _(
            "no verdict, because a run of {whose} failed, and the runs that remain may be the better ones by chance.",
            whose=whose,
        ),
        "unfinished": _("no verdict yet, because not all runs of {whose} have finished.", whose=whose),
        "early": _("no verdict, because a run of {whose} ended before its last step.", whose=whose),
        "unpaired": _("no verdict, because they have no seed, data seed and fold in common."),
        "saturated": _(
            "cannot tell, because all their runs have the best possible {metric}. A harder task might show a "
            "difference.",
            metric=among.metric.in_a_sentence,
        ),
        "no_spread": _("cannot tell, because every pair has the same difference, so the random variation is unknown."),
    }
    return texts[one.why or "unpaired"]
