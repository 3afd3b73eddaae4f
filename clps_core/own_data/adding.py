"""Adding a data set: read it once, keep a cleaned copy, say what is in it. Start at preview, then add.

What is kept is complete or not at all: everything is written into a folder beside its place and put there at the end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clps_core.errors import DataError
from clps_core.limits import DATA
from clps_core.own_data import media, record, vocabulary
from clps_core.own_data.columns import checked
from clps_core.own_data.keeping import Keeper, sampled
from clps_core.own_data.media import Asked, Found, Preview
from clps_core.own_data.reading import Opened, Rows, opened
from clps_core.own_data.record import DataSet
from clps_core.own_data.sources import Source
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["Preview", "add", "preview"]

SHOWN_ROWS = 20


def preview(
    source: Source, home: Path, *, kind: str | None = None, columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None, limit: int = DATA.file_bytes,
) -> Preview:  # fmt: skip
    """What ``add`` would take ``source`` for, by its first rows; raises ``DataError`` as it does."""
    asked = Asked(columns or {}, options or {})
    with media.of_trees(source, kind, limit=limit) as files:
        if files is not None:
            return media.module(files[0]).preview(files[1], asked)
    with opened(source, home, limit=limit) as found:
        if (medium := media.kind_of_rows(found, kind)) is not None:
            return media.module(medium).preview(Found(rows=found), asked)
        _check_no_options(asked)
        found = found.texts_only()
        sample = sampled(_first_rows(found))
        guessed = checked(kind, columns or {}, sample, running_text=found.running_text)
        return Preview(
            guessed, {name: list(values[:SHOWN_ROWS]) for name, values in sample.items()}, found.running_text
        )


def add(
    name: str,
    source: Source,
    home: Path,
    *,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    tokenizer: str | None = None,
    owner: str = "local",
    shared: bool = False,
    licence: str = "",
    limit: int = DATA.file_bytes,
    characters: int = DATA.characters,
    room: int | None = None,
    said: Callable[[int], None] = lambda _rows: None,
) -> DataSet:
    """Read ``source`` and keep it as the data set ``name`` of ``home``.

    ``options``: of a medium (pictures, sounds), as its module describes them. ``tokenizer``: as in ``data.tokenizer``,
    or the path of a tokenizer.json; by default chosen by the texts. ``limit``: bytes of a file; ``characters``: of all
    texts; ``room``: bytes that they and their tokens may take. ``said`` is told how many rows were read. Raises
    ``DataError`` in one sentence for everything that cannot be used; then nothing is kept.
    """
    record.check_free(home, name)
    place = home / record.FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = source.state
    folder = Path(tempfile.mkdtemp(dir=place, prefix=f".adding-{name}-"))
    try:
        about = {"name": name, "source_state": before, "owner": owner, "shared": shared, "licence": licence}
        asked = Asked(columns or {}, options or {}, source.rows, room, said)
        made = None
        with media.of_trees(source, kind, limit=limit) as files:
            if files is not None:
                _check_no_tokenizer(tokenizer)
                made = media.module(files[0]).keep(folder, files[1], asked, about | {"source": _origin(source)})
        if made is None:
            with opened(source, home, limit=limit) as found:
                about["source"] = _origin(source, found)
                if (medium := media.kind_of_rows(found, kind)) is not None:
                    _check_no_tokenizer(tokenizer)
                    made = media.module(medium).keep(folder, Found(rows=found), asked, about)
                else:
                    _check_no_options(asked)
                    kept = Keeper(folder, found.texts_only(), kind, columns or {}, characters, room, said)
                    kept.read()
        if source.state != before:
            raise DataError(_("the file changed while it was being read. Add it again."))
        made = made or vocabulary.with_default(folder, kept.finished(**about), tokenizer)
        record.write(folder, made)
        _put(folder, place / name)
    except OSError as error:
        raise DataError(
            _("the data set cannot be saved in {folder}: {why}. Free some space there.",
              folder=place, why=error.strerror or type(error).__name__)
        ) from error  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return made


def _origin(source: Source, found: Opened | None = None) -> str:
    """Of a data set on the hub with the commit that was read, so that it can be found again."""
    origin = f"{source.origin} ({found.revision})" if found is not None and found.revision else source.origin
    return record.harmless(origin, record.LONGEST["source"], end=True)


def _check_no_options(asked: Asked) -> None:
    if asked.options:
        raise DataError(
            _("{option} must only be given for pictures or sounds. These data are texts. Leave it out.",
              option=visible(next(iter(asked.options))[:40]))
        )  # fmt: skip


def _check_no_tokenizer(tokenizer: str | None) -> None:
    if tokenizer is not None:
        raise DataError(_("a tokenizer must only be given for texts. These data are pictures or sounds. Leave it out."))


def _put(folder: Path, place: Path) -> None:
    folder.chmod(0o700)
    try:
        os.rename(folder, place)  # noqa: PTH104  # refuses where somebody else was faster; replace would not
    except OSError:
        record.check_free(place.parent.parent, place.name)
        raise


def _first_rows(found: Opened) -> Rows:
    return next(iter(found.parts["train"]), {})
