"""What a run would answer after each of its layers, for scripts and the command line. Start at lens.

``clps_core.api`` hands it on. Changes are written as in the address of Attention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.ablation import edits_of
from clps_core.analysis.edits import read_changes
from clps_core.analysis.patches import Side, read_patches
from clps_core.config import sharing_plan
from clps_core.errors import ConfigError
from clps_core.lens import RunLens, lens_of_run
from clps_core.look import Look
from clps_core.patching import Patching
from clps_core.store import Run, Store, open_store
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.sharing import SharingPlan

__all__ = ["lens"]


def lens(
    run_id: str,
    text: str,
    *,
    options: Mapping[str, str] | None = None,
    target_text: str = "",
    loops: int | None = None,
    without: Sequence[str] = (),
    change: Sequence[str] = (),
    patch_text: str = "",
    patch_run: str | None = None,
    home: Path | None = None,
) -> RunLens:
    """What a run (its id or the beginning of it) would answer to ``text`` after each of its layers.

    ``without``: parts that are left out, named as ``clps ablate`` names them: ``decoder.2.ffn``, ``decoder.loop.1``.
    ``change``: what is scaled, swapped or patched: ``decoder.2*0.5``, ``decoder.1<>decoder.3``,
    ``decoder.2[last]=decoder.1``. Patches take their states from the input ``patch_text`` (the same one by default)
    and the run ``patch_run`` (the same one by default). For the others, and for what is raised, see ``look.Look``;
    ``NotFoundError`` for a run that is not there.
    """
    with closing(open_store(home)) as store:
        run = store.run(run_id)
        left_out, patches = _changes(run, loops, without, change)
        patching = _patching(store, run, loops, patches, patch_text, patch_run)
        folder = store.run_folder(run.id)
    return lens_of_run(Look(folder, text, dict(options or {}), target_text, "best", loops, left_out, patching))


def _changes(
    run: Run, loops: int | None, without: Sequence[str], change: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Edits and patches, the former checked: torch is not loaded for a mistake."""
    plan, heads = _plan(run), run.config.model.num_heads
    parts = [str(edit) for part in without for edit in edits_of(part.strip(), plan, heads, loops)]
    edits = [*parts, *(one for one in change if "=" not in one)]
    read_changes(edits, plan, heads, loops)
    return tuple(dict.fromkeys(edits)), tuple(one for one in change if "=" in one)


def _patching(
    store: Store, run: Run, loops: int | None, patches: tuple[str, ...], text: str, other_id: str | None
) -> Patching | None:
    if not patches:
        if text or other_id:
            raise ConfigError(
                _("another input or run must come with a patch, such as decoder.2=decoder.1. Got none. Add one.")
            )
        return None
    here = Side(_plan(run), run.config.model.num_heads, loops)
    if other_id is None:
        read_patches(patches, here, here)
        return Patching(patches, text)
    other = store.run(other_id)
    read_patches(patches, here, Side(_plan(other), other.config.model.num_heads))
    return Patching(patches, text, folder=store.run_folder(other.id))


def _plan(run: Run) -> SharingPlan:
    return sharing_plan(run.config.model, run.config.sharing)
