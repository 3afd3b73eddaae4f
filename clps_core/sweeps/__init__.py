"""Many runs that differ on purpose in a few fields, and what became of them. No torch. Start at definition.read_sweep.

``values.py`` what a field may be, ``definition.py`` a sweep as a file or a form says it, ``expand.py`` the configs it
means, ``stopping.py`` when a run is not worth going on with, ``watch.py`` that rule at a run's evaluations,
``results.py`` how far a sweep is and which configuration is best, ``timing.py`` when it will be done, ``table.py`` the
same for other tools, ``fields.py`` in what configurations differ, ``importance.py`` (of a grid ``variance.py``) how
much each field matters, ``interaction.py`` whether the best strategy depends on another field.
"""

from clps_core.sweeps.definition import Sweep, read_sweep, stored_sweep, sweep_from_plain
from clps_core.sweeps.expand import expand, size
from clps_core.sweeps.results import SweepState, sweep_state

__all__ = ["Sweep", "SweepState", "expand", "read_sweep", "size", "stored_sweep", "sweep_from_plain", "sweep_state"]
