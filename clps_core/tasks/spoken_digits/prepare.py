"""Make ``digits.npz`` from the recordings inside captcha. Nothing of the product calls this.

    pip download --no-deps captcha==0.7.1
    python clps_core/tasks/spoken_digits/prepare.py captcha-0.7.1-py3-none-any.whl

The wheel is read as an archive and never imported. Kept: the ten digits, one recording of one voice each, with their
samples as they are (8,000 a second, 8 bits, 128 is silence). The letters, which are there too, are left out.
"""

from __future__ import annotations

import hashlib
import io
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np

__all__ = ["main"]

FOLDER = Path(__file__).parent
RECORDING, LICENCE = "captcha/data/{}/default.wav", "captcha-0.7.1.dist-info/LICENSE"
FORMAT = (1, 1, 8000)
"""Channels, bytes of a sample, samples of a second."""


def main(wheel: Path) -> None:
    """Write the file and the licence beside this script, and print the hash of the samples for ``recordings.py``."""
    arrays = {}
    with zipfile.ZipFile(wheel) as archive:
        for digit in "0123456789":
            with wave.open(io.BytesIO(archive.read(RECORDING.format(digit)))) as sound:
                assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == FORMAT
                arrays[f"digit_{digit}"] = np.frombuffer(sound.readframes(sound.getnframes()), np.uint8)
        (FOLDER / "LICENSE.captcha").write_bytes(archive.read(LICENCE))
    np.savez_compressed(FOLDER / "digits.npz", allow_pickle=False, **arrays)
    content = b"".join(arrays[name].tobytes() for name in sorted(arrays))
    print(f"{len(content)} samples, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
