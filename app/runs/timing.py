"""How long runs take, for the pages: the engine's ``timing`` knows it."""

from __future__ import annotations

from clps_core.analysis.steps import operations_per_step, tokens_per_step
from clps_core.timing import BUSY, Pace, forecast, seconds_left

__all__ = ["BUSY", "Pace", "forecast", "operations_per_step", "seconds_left", "tokens_per_step"]
