"""Sounds that people brought, kept in the home so that a page's address can name them. Start at keep_sound.

A sound is kept as it is read: one channel at the rate of ``log_mel``. Its name is a hash of its samples: who does not
have the sound cannot find it. Only the newest are kept.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

from clps_core.data.log_mel import RATE
from clps_core.data.wav import LONGEST_SECONDS, Samples, read_wav, wav_bytes
from clps_core.errors import DataError
from clps_core.files import read_regular
from clps_core.words import _

__all__ = ["KEPT", "MOST_KEPT", "keep_sound", "kept_samples"]

FOLDER = "sounds"
KEPT = "sound:"
"""What the name of a kept sound begins with, where an input is typed."""
MOST_KEPT = 200
LARGEST = 2 * RATE * (LONGEST_SECONDS + 1) + 1000


def keep_sound(home: Path, content: bytes) -> str:
    """Keep the sound of a WAV file, and return its name, such as ``sound:3f...``; raises as ``read_wav``.

    Raises ``DataError`` where the home cannot be written.
    """
    kept = wav_bytes(read_wav(content))
    name = hashlib.sha256(kept).hexdigest()[:32]
    folder = home / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{name}.{secrets.token_hex(4)}.writing"
        temporary.write_bytes(kept)
        temporary.replace(folder / f"{name}.wav")
        _forget_old(folder)
    except OSError as error:
        raise DataError(
            _("the sound cannot be kept: {problem}. Free some space.", problem=error.strerror or "?")
        ) from error
    return f"{KEPT}{name}"


def kept_samples(home: Path | None, name: str) -> Samples:
    """float32 [n] of the sound of that name; ``DataError`` where it is not, or no longer, kept."""
    match = re.fullmatch(rf"{KEPT}([0-9a-f]{{32}})", name, re.ASCII)
    try:
        if home is None or match is None:
            raise FileNotFoundError
        content = read_regular(home / FOLDER, f"{match[1]}.wav", limit=LARGEST)
    except OSError as error:
        raise DataError(_("this sound is no longer kept. Upload or record it again.")) from error
    return read_wav(content)


def _forget_old(folder: Path) -> None:
    """Only the newest ``MOST_KEPT`` stay. Another process may do the same."""
    with os.scandir(folder) as found:
        files = [(one.stat(follow_symlinks=False).st_mtime, one.path) for one in found if one.name.endswith(".wav")]
    for _time, path in sorted(files)[: max(0, len(files) - MOST_KEPT)]:
        Path(path).unlink(missing_ok=True)
