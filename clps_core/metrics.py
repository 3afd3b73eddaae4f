"""Metrics as objects: what a figure is called, its unit and range, and which of two values is better.

A new metric is one more entry of ``METRICS``; ranking, formatting, charts and rules of sweeps ask it alone. Values of
several seeds have an arithmetic mean, whatever the metric. Start at metric_named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from clps_core.numbers import NOTHING, percent, plain, speed, three_digits
from clps_core.words import _

__all__ = ["MARGIN", "METRICS", "Metric", "keep_metric", "metric_named"]

MARGIN = 0.01
"""As good: within one percentage point of the best for a share, within one percent of it for anything else."""
PERCENT = "%"


@dataclass(frozen=True)
class Metric:
    """One kind of figure.

    ``name``: as it is stored. ``called``: gives its title, when it is shown. ``unit``: ``%`` for a share from 0 to 1,
    which is shown in percent. ``lowest`` / ``highest``: possible values, infinite where there is no end. ``log``:
    drawn on a logarithmic axis. ``usual``: where a threshold starts in forms. ``written``: a value with its unit, for
    a metric that is not written plainly.
    """

    name: str
    called: Callable[[], str]
    higher_is_better: bool
    unit: str = ""
    lowest: float = -math.inf
    highest: float = math.inf
    log: bool = False
    usual: float = 1.0
    written: Callable[[float], str] | None = None

    @property
    def title(self) -> str:
        """What people call it: ``Exact match``."""
        return self.called()

    @property
    def in_a_sentence(self) -> str:
        """``title`` in the middle of a sentence: ``exact match``, but ``BLEU``."""
        return self.title[:1].lower() + self.title[1:] if self.title[1:2].islower() else self.title

    @property
    def direction(self) -> str:
        """Which values are better, in words."""
        return _("higher is better") if self.higher_is_better else _("lower is better")

    @property
    def percent(self) -> bool:
        """Whether it is a share from 0 to 1 that is shown in percent."""
        return self.unit == PERCENT

    @property
    def scale(self) -> float:
        """What a value is multiplied by where it is shown."""
        return 100.0 if self.percent else 1.0

    @property
    def range(self) -> tuple[float, float] | None:
        """Its lowest and highest value; ``None`` where an end is open."""
        ends = (self.lowest, self.highest)
        return ends if all(map(math.isfinite, ends)) else None

    def around(self, below: float, above: float) -> tuple[float, float] | None:
        """``range`` with air at its ends, in parts of its length."""
        if self.range is None:
            return None
        low, high = self.range
        return low - below * (high - low), high + above * (high - low)

    @property
    def step(self) -> float:
        """A step that moves a value in forms noticeably: a twentieth of the range, or of the usual value."""
        return (self.range[1] - self.range[0] if self.range else self.usual) / 20

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return 1.0 if self.higher_is_better else -1.0

    def worth(self, value: float) -> float:
        """A number that is higher for a better value."""
        return self.sign * value

    def better(self, value: float, than: float) -> bool:
        """Whether ``value`` is strictly better."""
        return self.worth(value) > self.worth(than)

    def best(self, values: Iterable[float]) -> float:
        """The best of ``values``."""
        return max(values, key=self.worth)

    def worst(self, values: Iterable[float]) -> float:
        """The worst of ``values``."""
        return min(values, key=self.worth)

    def margin(self, best: float | None) -> float:
        """How much worse than ``best`` a value may be and is still as good."""
        return MARGIN if self.percent or best is None else MARGIN * abs(best)

    @property
    def margin_in_words(self) -> str:
        """``margin`` in words."""
        return _("1 percentage point") if self.percent else _("1 %")

    def can_be_wanted(self, value: float) -> bool:
        """Whether ``value`` makes a threshold: possible, and not what the worst value reaches."""
        return self.lowest <= value <= self.highest and value != (self.lowest if self.sign > 0 else self.highest)

    @property
    def limits(self) -> str:
        """What a threshold must be, in words."""
        low, high = f"{self.lowest:g}", f"{self.highest:g}"
        ends = []
        if math.isfinite(self.lowest):
            ends.append(_("more than {limit}", limit=low) if self.sign > 0 else _("at least {limit}", limit=low))
        if math.isfinite(self.highest):
            ends.append(_("at most {limit}", limit=high) if self.sign > 0 else _("less than {limit}", limit=high))
        text = _("{one} and {other}", one=ends[0], other=ends[1]) if len(ends) == 2 else "".join(ends)
        return _("{limits} (0.8 for 80 %)", limits=text) if self.percent else text or _("a number")

    def shown(self, value: float | None) -> str:
        """``value`` in its unit: 12.3 %, 12.3 ppl, 1.235."""
        if value is None:
            return NOTHING
        if self.percent:
            return percent(value)
        if self.written is not None:
            return self.written(value)
        return f"{plain(value)} {self.unit}".rstrip()

    def without_unit(self, value: float) -> str:
        """As ``shown``, where a title has the unit; a percent sign stays."""
        text = self.shown(value)
        return text if self.percent else text.removesuffix(f" {self.unit}")


def _share(name: str, called: Callable[[], str]) -> Metric:
    return Metric(name, called, True, PERCENT, 0.0, 1.0, usual=0.1)


def _error_rate(name: str, called: Callable[[], str]) -> Metric:
    return Metric(name, called, False, PERCENT, 0.0, math.inf, usual=0.2)  # above 1 where answers are much too long


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("loss", lambda: _("Loss"), False, lowest=0.0),
        _share("exact_match", lambda: _("Exact match")),
        _share("accuracy", lambda: _("Accuracy")),
        _share("top3_accuracy", lambda: _("Top-3 accuracy")),
        _share("top5_accuracy", lambda: _("Top-5 accuracy")),
        _share("macro_f1", lambda: _("Macro F1")),
        _share("token_accuracy", lambda: _("Token accuracy")),
        _share("token_f1", lambda: _("Token F1")),
        Metric(
            "perplexity",
            lambda: _("Perplexity"),
            higher_is_better=False,
            unit="ppl",
            lowest=1.0,
            log=True,
            usual=200.0,
            written=lambda value: f"{three_digits(value)} ppl",
        ),
        Metric("bits_per_byte", lambda: _("Bits per byte"), False, unit="bits", lowest=0.0, usual=2.5),
        _share("masked_accuracy", lambda: _("Masked accuracy")),
        Metric(
            "pseudo_perplexity",
            lambda: _("Pseudo-perplexity"),
            higher_is_better=False,
            lowest=1.0,
            log=True,
            usual=200.0,
            written=three_digits,
        ),
        Metric("bleu", lambda: "BLEU", True, lowest=0.0, highest=100.0, usual=20.0, written="{:.1f}".format),
        Metric("chrf", lambda: "chrF", True, lowest=0.0, highest=100.0, usual=40.0, written="{:.1f}".format),
        _error_rate("word_error_rate", lambda: _("Word error rate")),
        _error_rate("character_error_rate", lambda: _("Character error rate")),
        Metric("gradient_norm", lambda: _("Gradient norm"), False, lowest=0.0),
        Metric("learning_rate", lambda: _("Learning rate"), False, lowest=0.0, written="{:.2e}".format),
        Metric("tokens_per_second", lambda: _("Tokens/s"), True, unit="tokens/s", lowest=0.0, written=speed),
    )
}


_OWN: dict[str, Metric] = {}
"""Metrics that only one task has, met so far."""
MOST_OWN = 1000


def keep_metric(metric: Metric, *, anew: bool = True) -> None:
    """Let ``metric_named`` know a metric that a task brings; ``anew``: in the place of one of its name.

    A metric of ``METRICS`` stays what it is.
    """
    if (metric.name in _OWN and anew) or (metric.name not in _OWN and len(_OWN) < MOST_OWN):
        _OWN[metric.name] = metric


def metric_named(name: str) -> Metric:
    """The metric of ``exact_match`` or ``validation.exact_match``; a plain one where the name is not known."""
    kind = name.rpartition(".")[2]
    return METRICS.get(kind) or _OWN.get(kind) or Metric(kind, lambda: kind, higher_is_better=True)
