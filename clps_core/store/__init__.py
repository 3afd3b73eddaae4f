"""Runs, attempts and metrics on disk. No torch here. Start at :func:`open_store` and :class:`Store`.

``records.py`` says what comes out, ``schema.py`` how it lies in the database, ``metrics.py`` how curves are
appended and followed (``curves.py`` are its doors), ``queue.py`` the transitions of a job from queued to finished
(used by jobs only), ``evaluations.py`` jobs that evaluate a run, and their results,
``order.py`` whose turn it is, ``shelf.py`` names and pins, ``deaths.py`` what becomes of a run whose process died,
``archive.py`` how a finished run is carried from one store to another.
"""

from clps_core.store.database import Store, default_home, open_store
from clps_core.store.records import STATUSES, Artefact, Comparison, Evaluation, Job, Point, Run, is_run_id

__all__ = [
    "STATUSES",
    "Artefact",
    "Comparison",
    "Evaluation",
    "Job",
    "Point",
    "Run",
    "Store",
    "default_home",
    "is_run_id",
    "open_store",
]
