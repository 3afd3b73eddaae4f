"""A sound as a model reads it: its spectrogram, what is written where, and where that is read from. Start at drawn."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.look.assets import asset
from app.sound.png import shaded, tinted
from app.sound.rows import rows_of
from clps_core.data.alignment import Aligned
from clps_core.data.log_mel import POSITION_SECONDS, STACKED
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["drawn", "most_read", "read_from", "spectrogram_html"]

ROW, NAMED_ROW = 9, 16
"""Pixels of the row of one part of an answer; of one that stands beside its name."""
MOST_NAMED, HIGHEST = 14, 240
"""Of more parts no row has a name; pixels of a strip at most."""
WIDE, NARROW = 400, 230
"""Pixels for which names are put into rows: in a wide and in a narrow place (see spectrogram.css), at least so many."""
MOST_LAYERS = 24
"""Of more layers only so many are drawn, evenly spaced."""

Floats = NDArray[np.floating]


def drawn(
    spectrogram: Floats,
    aligned: Sequence[Aligned],
    attention: Floats | None = None,
    written: Sequence[str] | None = None,
) -> None:
    """The ``spectrogram`` [bands, frames] with the parts of an answer on it.

    ``attention``: [layer, part, position], see ``read_from``: one strip for each layer, below. ``written``: the parts
    of an answer that a decoder writes, which has no positions of the sound: each stands where it is read from most, and
    nowhere without ``attention``.
    """
    html = spectrogram_html(spectrogram, aligned, attention, written)
    st.html(f"<style>{asset('sound/spectrogram.css')}</style>{html}")


def read_from(attention: Floats, aligned: Sequence[Aligned]) -> Floats:
    """[layer, part, position]: where the positions that write each part read, of [layer, head, query, key].

    The mean of all heads and of the part's positions.
    """
    rows = [attention[:, :, one.begin : one.end].mean(axis=(1, 2)) for one in aligned]
    return np.stack(rows, axis=1) if rows else attention[:, :, :0].mean(axis=1)


def most_read(attention: Floats, written: Sequence[str]) -> list[Aligned]:
    """Each part at the position that is read most when it is written: ``attention`` [layer, part, position].

    The mean of all layers; its share of attention takes the place of a probability.
    """
    mean = attention.mean(axis=0)
    best = mean.argmax(axis=-1).tolist()
    return [Aligned(name, at, at + 1, float(row[at])) for name, at, row in zip(written, best, mean, strict=True)]


def spectrogram_html(
    spectrogram: Floats,
    aligned: Sequence[Aligned],
    attention: Floats | None = None,
    written: Sequence[str] | None = None,
) -> str:
    """The HTML of ``drawn``; no text in it is markup."""
    frames = spectrogram.shape[1]
    positions = max(1, frames // STACKED)
    if written is not None:
        aligned = [] if attention is None else most_read(attention, written)
    said = " ".join(visible(one.label) for one in aligned) or _("(nothing)")
    name = (
        _("Spectrogram, low tones below. Written: {answer}", answer=said)
        if written is None
        else _("Spectrogram, low tones below")
    )
    parts = "".join(
        f'<i class="part" title="{escape(visible(one.label), quote=True)}" '
        f'style="left:{_percent(one.begin, positions)};width:{_percent(one.end - one.begin, positions)}"></i>'
        for one in aligned
    )
    labels = _labels(aligned, positions)
    above = _("Written") if written is None else _("Read from")
    rows = [
        *([_row(above, labels, "written")] if aligned or written is None else []),
        _row(_("Sound"), f'<img alt="{escape(name, quote=True)}" src="{shaded(spectrogram)}">{parts}', "loud"),
        _row("", _times(positions * POSITION_SECONDS), "times"),
    ]
    if attention is not None and attention.shape[1]:
        rows += _strips(attention, [one.label for one in aligned] if written is None else written)
    return f'<div class="clps-sound">{"".join(rows)}</div>'


def _labels(aligned: Sequence[Aligned], positions: int) -> str:
    """What each part is called, above its place: in rows, those of a wide and those of a narrow place."""
    names, middles = [visible(one.label) for one in aligned], [(one.begin + one.end) / 2 for one in aligned]
    wide, narrow = (rows_of(names, [one / positions for one in middles], width) for width in (WIDE, NARROW))
    spans = [
        f'<b class="{" ".join(kind for kind, row in (("no-wide", up), ("no-narrow", low)) if row is None)}" '
        f'style="left:{_percent(middle, positions)};--wide:{up or 0};--narrow:{low or 0}">{escape(name)}</b>'
        for name, middle, up, low in zip(names, middles, wide, narrow, strict=True)
    ]
    high = [1 + max((row for row in rows if row is not None), default=0) for rows in (wide, narrow)]
    return f'<div class="names" style="--wide:{high[0]};--narrow:{high[1]}">{"".join(spans)}</div>'


def _strips(attention: Floats, names: Sequence[str]) -> list[str]:
    count = len(attention)
    layers = [round(at) for at in np.linspace(0, count - 1, min(count, MOST_LAYERS))]
    named = 0 < len(names) <= MOST_NAMED
    height = min(HIGHEST, (NAMED_ROW if named else ROW) * attention.shape[1])
    beside = "".join(f"<i>{escape(visible(name))}</i>" for name in names) if named else ""
    found = []
    for layer in layers:
        title = _("Layer {layer}", layer=layer)
        one = attention[layer] / max(1e-9, float(attention[layer].max()))
        image = f'<img alt="{escape(title, quote=True)}" src="{tinted(one)}" style="height:{height}px">'
        parts, kind = (f'<span class="parts">{beside}</span>', "read named") if named else ("", "read")
        found.append(_row(title, image + parts, kind))
    return found


def _row(name: str, track: str, kind: str) -> str:
    return f'<div class="row {kind}"><span class="name">{escape(name)}</span><div class="track">{track}</div></div>'


def _times(seconds: float) -> str:
    marks = [0.0, *np.arange(0.5, seconds - 0.3, 0.5).tolist()]
    at = [f'<span style="left:{_percent(one, seconds)}">{one:.1f}</span>' for one in marks]
    end = escape(_("{seconds:.2f} s", seconds=seconds))
    return "".join([*at, f'<span style="left:100%">{end}</span>'])


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%"
