"""``python -m clps_core.cli`` is ``clps``."""

from clps_core.cli import main

main()
