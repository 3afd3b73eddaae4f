"""What all visitors of a shared server may have together. No torch, no streamlit. Start at Limits.

A quota (``policy.Quotas``) is one person's, and without a login a person is a cookie: whoever drops it is somebody
new with new quotas. These limits hold whoever they say they are. Teachers and the operator neither count nor wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from clps_core.amounts import bytes_of

__all__ = ["DATA", "REFILL_SECONDS", "Amount", "DataLimits", "Limits"]

REFILL_SECONDS = 1800.0
"""Seconds until the full number of new visitors may come again: half an hour, less than a lesson."""

Amount = Annotated[int, Field(ge=0, le=10**15)]
_Visitors = Annotated[int, Field(ge=1, le=10**6)]


class Limits(BaseModel):
    """What all who have quotas may have together on a shared server; ``null`` in the file lifts a limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    queued: Amount | None = 300
    """Runs that wait at once: ten for each of a class of thirty."""
    disk: Amount | None = 32 * 2**30
    """Bytes of all their runs' files; ``500M``, ``32G`` in the file. Above it none of their runs starts."""
    data: Amount | None = 8 * 2**30
    """Bytes of all their data sets."""
    inputs: Amount | None = 2**30
    """Bytes of all sounds and pictures that are kept as inputs; those of the last day stay."""
    new_per_address: _Visitors | None = 60
    """New visitors from one address at once: a class of thirty behind its school's address, with a second browser
    or a forgotten cookie each. As many again over ``REFILL_SECONDS``, one by one (every 30 s)."""
    new_in_all: _Visitors | None = 300
    """The same from all addresses together: addresses are cheap, too."""

    @field_validator("disk", "data", "inputs", mode="before")
    @classmethod
    def _size(cls, value: object, info: ValidationInfo) -> object:
        return bytes_of(value, f"server.{info.field_name}")


@dataclass(frozen=True)
class DataLimits:
    """What one data set may have, whoever adds it. A shared server's quotas (``policy.Quotas``) say less."""

    upload_bytes: int = 50 * 10**6
    """Of a file that a browser sends; ``.streamlit/config.toml`` says the same to the server."""
    file_bytes: int = 4 * 10**9
    """Of a file that is named by its path."""
    characters: int = 4 * 10**9
    """Of all texts together, as they are read: a small file may hold much more than its size."""
    text_characters: int = 10**6
    """Of one text."""
    rows: int = 20_000_000
    hub_rows: int = 100_000
    """Taken from Hugging Face where nobody says how many."""
    hub_media: int = 20_000
    """The same of pictures and sounds."""
    tree_files: int = 200_000
    """In a folder or a ZIP."""
    tree_bytes: int = 4 * 10**9
    """Of all of them together, unpacked."""
    sounds: int = 200_000
    sound_hours: int = 50
    """Of a data set of sounds: 58 MB are kept of each hour."""
    pictures: int = 200_000
    picture_bytes: int = 2 * 10**9
    """Of all pictures together, as they are stored."""


DATA = DataLimits()
