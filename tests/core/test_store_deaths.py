"""What is said of a run whose process died is kept as its message, and read in the language of whoever reads."""

from __future__ import annotations

from collections.abc import Iterator
from signal import SIGKILL

import pytest
from own_language import FAKE, Marked, without_marked

from clps_core import catalogues, words
from clps_core.store.deaths import EXIT_STORE, MAX_RETRIES, MOST_STOPS, Death, Exit, status_after
from clps_core.words import kept, told

KILLED, GONE = Exit(signal=SIGKILL), Exit()
DEATHS = {
    "retried at once": Death(KILLED, 50, 100, 10, 0, 0.0),
    "retried after a pause": Death(GONE, 50, 100, 10, 0, 4.0),
    "no further": Death(KILLED, 10, 100, 10, 0, 4.0),
    "too often": Death(Exit(out_of_memory=True), 12, 100, 10, MAX_RETRIES, 4.0),
    "interrupted": Death(Exit(interrupted=True), 5, 100, None, 0, 4.0, 1),
    "interrupted again": Death(Exit(interrupted=True), 5, 100, None, 0, 4.0, 2),
    "interrupted again and again": Death(Exit(interrupted=True), 5, 100, None, 0, 4.0, MOST_STOPS),
    "no store": Death(Exit(code=EXIT_STORE), 5, 100, None, 0, 4.0),
}


@pytest.fixture(autouse=True)
def _languages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(catalogues, "_added", {FAKE: Marked()})
    yield
    words.ask_language(None)


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_every_reason_is_read_in_the_readers_language(death: Death) -> None:
    _status, reason = status_after(death, None)
    assert reason is not None
    assert reason.endswith(".")
    stored = kept(reason)
    assert told(stored) == reason
    words.ask_language(lambda: FAKE)
    assert without_marked(told(stored)) == ""
