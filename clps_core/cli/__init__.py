"""The command line ``clps``. Start at main; one file per command.

``commands.py`` and ``run_commands.py`` declare names, options and help; ``train.py``, ``count.py``, ``runs.py``
and the others do the work and are imported only when their command runs, so that ``clps count`` never
waits for what it does not need. ``output.py`` is everything that prints.

Exit codes: 0 done, 1 a run failed, 2 bad input. With ``--json`` the standard output holds JSON and
nothing else; errors are one sentence on the standard error.
"""

from clps_core.cli.commands import app, main

__all__ = ["app", "main"]
