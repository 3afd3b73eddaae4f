"""What the libraries say of a source that cannot be read, as sentences. Start at told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from clps_core.errors import DataError
from clps_core.own_data.sources import Source
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["told"]

NO_NETWORK = {
    *("ConnectionError", "ConnectError", "OfflineModeIsEnabled", "ConnectTimeout", "ReadTimeout", "ProxyError"),
    *("LocalEntryNotFoundError", "MaxRetryError", "gaierror", "NetworkError"),
}
"""Names of errors, of several libraries, that mean that a server cannot be reached."""


@contextmanager
def told(source: Source) -> Iterator[None]:
    """Turn what the library says into a sentence; what is ours goes through."""
    try:
        yield
    except DataError:
        raise
    except MemoryError:
        raise DataError(_("a row of the data is too large for the memory. Split it into several rows.")) from None
    except Exception as error:
        raise DataError(_sentence(error, source)) from None


def _sentence(error: Exception, source: Source) -> str:
    causes = [error]
    while (below := causes[-1].__cause__ or causes[-1].__context__) is not None and below not in causes:
        causes.append(below)  # type: ignore[arg-type]
    kinds = {type(one).__name__ for one in causes}
    said = next((text for one in reversed(causes) if (text := " ".join(str(one).split()))), type(error).__name__)
    said = visible(re.sub(r"/\S*/", "", said)[:240]).rstrip(".")
    if "scripts are no longer supported" in said:
        return _(
            "the data set must be plain files. {name} needs its own program, and programs that come with data are "
            "never run. Choose another one.",
            name=visible(source.origin),
        )
    if source.hub is None:
        mixed = re.search(r"Column\(/?(.*?)\) changed from (\w+) to (\w+) in row (\d+)", str(causes))
        if mixed:
            return _(
                "each column must hold values of one type. Column {name} changes from {before} to {now} in row "
                "{row}. Convert all its values to text.",
                name=visible(mixed[1][:60]), before=mixed[2], now=mixed[3], row=int(mixed[4]) + 1,
            )  # fmt: skip
        return _("the source cannot be read as the type its name says: {why}. Correct the file.", why=said)
    if kinds & NO_NETWORK:
        return _(
            "{name} cannot be added, because Hugging Face cannot be reached. Check the network, or download the "
            "files and add them from a folder.",
            name=visible(str(source.hub)),
        )
    if kinds & {"DatasetNotFoundError", "RepositoryNotFoundError", "GatedRepoError"}:
        return _(
            "there is no public data set {name} on Hugging Face, or it requires a login. Check the name.",
            name=visible(str(source.hub)),
        )
    return _("the data set {name} cannot be read: {why}.", name=visible(str(source.hub)), why=said)
