"""Sounds that people brought, as inputs that are kept (``kept_inputs``). Start at keep_sound and kept_samples.

A sound is kept as it is read: one channel at the rate of ``log_mel``, from the first sample that is heard to the last.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clps_core.data.kept_inputs import UNLIMITED, Kept, Room, keep_input, kept_input
from clps_core.data.log_mel import RATE
from clps_core.data.wav import LONGEST_SECONDS, SHORTEST_SECONDS, Samples, read_wav, wav_bytes
from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["KEPT", "keep_sound", "kept_samples"]

KEPT = "sound:"
"""What the name of a kept sound begins with, where an input is typed."""
ENDING = "wav"
HEARD = 1 / 300
"""Of the loudest sample: what is quieter (by 50 dB) at both ends is cut off. A browser that suppresses noise sends
zeros there, and against zeros all other sound looks alike."""
LARGEST = 2 * RATE * (LONGEST_SECONDS + 1) + 1000


def keep_sound(home: Path, owner: str, content: bytes, room: Room = UNLIMITED) -> Kept:
    """Keep the sound of a WAV file for ``owner``, under a name such as ``sound:3f...``.

    Raises ``DataError`` as ``read_wav`` and ``keep_input`` do.
    """
    found = keep_input(home, owner, wav_bytes(_heard(read_wav(content))), ENDING, room)
    return Kept(f"{KEPT}{found.name}", found.gone)


def kept_samples(home: Path | None, name: str) -> Samples:
    """float32 [n] of the sound of that name; ``DataError`` where it is not, or no longer, kept."""
    try:
        if home is None or not name.startswith(KEPT):
            raise FileNotFoundError(name)
        content = kept_input(home, name.removeprefix(KEPT), ENDING, limit=LARGEST)
    except OSError as error:
        raise DataError(_("this sound is no longer kept. Upload or record it again.")) from error
    return read_wav(content)


def _heard(samples: Samples) -> Samples:
    """``samples`` [n] without silent ends; as they are where too little would be left."""
    loud = np.flatnonzero(np.abs(samples) >= HEARD * np.abs(samples).max())
    begin, end = int(loud[0]), int(loud[-1]) + 1
    return samples[begin:end] if end - begin >= SHORTEST_SECONDS * RATE else samples
