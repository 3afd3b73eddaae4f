"""What a sweep's first place is worth, in sentences. Start at worth_of_first.

No sentence says more than the runs do: "as good" only within a stated margin, "better" only beyond chance, and
"too few runs to tell" for all between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from clps_core.metrics import metric_named
from clps_core.sweeps.results import FEWEST_PAIRS, Configuration, SweepState
from clps_core.words import _, ngettext, sentences

__all__ = ["worth_of_first"]

MOST_NAMES = 3


def worth_of_first(state: SweepState, called: Callable[[Configuration], str]) -> str | None:
    """Whether the first place means anything; ``called``: what a configuration is called there.

    ``None`` before all runs have ended, and where there is nothing to compare.
    """
    verdicts = state.verdicts()
    if state.ended < len(state.runs) or state.best is None or not verdicts:
        return None
    if state.best.cut_short:
        return _("Runs of the best configuration failed or ended early, so its rank cannot be tested.")

    def names(ones: Sequence[Configuration]) -> str:
        return "; ".join(map(called, ones[:MOST_NAMES])) + (" …" if len(ones) > MOST_NAMES else "")

    said = []
    if behind := verdicts.get("behind"):
        said.append(
            _("The best configuration is significantly better than all others (95 %, by pairs of runs).")
            if len(behind) == len(state.configurations) - 1
            else _("The best configuration is significantly better than these (95 %): {names}.", names=names(behind))
        )
    if as_good := verdicts.get("as_good"):
        margin = metric_named(state.metric).margin_in_words
        text = _("As good as the best, within {margin} (95 %): {names}.", margin=margin, names=names(as_good))
        said.append(text)
    if unclear := verdicts.get("cannot_tell"):
        said.append(_too_few(unclear, names(unclear)))
    if cut := verdicts.get("not_compared"):
        said.append(_("Not compared with the best, since runs are missing or ended early: {names}.", names=names(cut)))
    return sentences(said)


def _too_few(unclear: Sequence[Configuration], names: str) -> str:
    """With how many pairs of runs that is."""
    counts = sorted({one.behind.count for one in unclear if one.behind})
    if counts == [1]:
        return _("One run per configuration is too few to test the order: add seeds.")
    pairs = ngettext("{n} pair", "{n} pairs", counts[0])
    if counts[-1] > counts[0]:
        pairs = _("{least} to {most} pairs", least=counts[0], most=counts[-1])
    text = _(
        "Too few runs to tell these apart from the best ({pairs} with the same seed and fold): {names}.",
        pairs=pairs,
        names=names,
    )
    if counts[0] < FEWEST_PAIRS:
        text = sentences((text, _("At least {n} seeds or folds are needed.", n=FEWEST_PAIRS)))
    return text
