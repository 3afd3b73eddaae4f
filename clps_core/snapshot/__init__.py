"""A comparison as one HTML file, to keep, mail and open without a server. Start at snapshot.

``gathering.py`` reads the store into plain data, ``page.py`` writes the page; ``snapshot.js`` draws curves and
attention in the reader's browser. No torch and no streamlit here.
"""

from clps_core.snapshot.gathering import MOST_POINTS, MOST_RUNS
from clps_core.snapshot.making import asked_runs, snapshot, snapshot_of

__all__ = ["MOST_POINTS", "MOST_RUNS", "asked_runs", "snapshot", "snapshot_of"]
