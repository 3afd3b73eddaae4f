"""Small files of a person's own sounds. Start at spoken and voice_zip."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clps_core.data.log_mel import RATE
from clps_core.data.wav import wav_bytes
from clps_core.tasks.spoken_digits.recordings import drawn_digits, utterance

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def spoken(count: int, most: int = 2, seed: int = 0) -> list[tuple[bytes, str]]:
    """(WAV, transcript) of digits that are said, at most ``most`` in each."""
    generator = np.random.default_rng(seed)
    strings = [drawn_digits(generator, most) for _ in range(count)]
    return [(wav_bytes(utterance(generator, one)), " ".join(NAMES[digit] for digit in one)) for one in strings]


def tone(seconds: float = 1.0, height: float = 440.0, rate: int = RATE) -> np.ndarray:
    """float64 [n]."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * height * time) * np.hanning(len(time))


def table(rows: Sequence[Sequence[str]]) -> bytes:
    """A CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def folder_of(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def with_table(said: Sequence[tuple[bytes, str]], folder: str = "") -> dict[str, bytes]:
    """Sounds, and a metadata.csv beside them."""
    rows = [("file_name", "transcription"), *((f"{place:03}.wav", text) for place, (_, text) in enumerate(said))]
    files = {f"{folder}{place:03}.wav": sound for place, (sound, _) in enumerate(said)}
    return files | {f"{folder}metadata.csv": table(rows)}


def voice_zip(path: Path, count: int = 60) -> Path:
    return zipped(path, with_table(spoken(count)))
