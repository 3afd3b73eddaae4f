"""Inputs that people brought: each owner has their own places and bytes, and all together a limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from clps_core.data import kept_inputs
from clps_core.data.kept_inputs import UNLIMITED, Kept, Room, keep_input, kept_input
from clps_core.data.wav import wav_bytes
from clps_core.errors import DataError, NotAllowedError
from clps_core.jobs.input_desk import InputDesk
from clps_core.policy import LOCAL_POLICY, OPERATOR, Person, Policy, Quotas

KILO = bytes(1000)


def keep(home: Path, owner: str, letter: str, room: Room = UNLIMITED, age: float = 0) -> Kept:
    """Keep 1,000 bytes that nobody else brings, as if ``age`` seconds ago."""
    content = KILO[:-2] + (owner[:1] + letter).encode()
    kept = keep_input(home, owner, content, "wav", room)
    whose, _dash, digest = kept.name.partition("-")
    at = time.time() - age
    os.utime(home / "inputs" / whose / f"{digest}.wav", (at, at))
    return kept


def is_there(home: Path, kept: Kept) -> bool:
    try:
        return len(kept_input(home, kept.name, "wav", limit=2000)) == 1000
    except FileNotFoundError:
        return False


def test_what_one_person_brings_takes_only_their_own_oldest_away(tmp_path: Path) -> None:
    others = keep(tmp_path, "bea", "x", age=9000)
    room = Room(own=3000)
    first = [keep(tmp_path, "ada", letter, room, age=age) for letter, age in zip("abc", (30, 20, 10), strict=True)]
    assert [one.gone for one in first] == [0, 0, 0]
    assert keep(tmp_path, "ada", "b", room).gone == 0, "the same again takes no more room"
    assert keep(tmp_path, "ada", "d", room).gone == 1
    assert [is_there(tmp_path, one) for one in (*first, others)] == [False, True, True, True]
    with pytest.raises(DataError, match=r"can take up to 3 kB\. This takes 4 kB"):
        keep_input(tmp_path, "ada", bytes(3001), "wav", room)


def test_nobody_has_more_places_than_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_inputs, "MOST_KEPT", 2)
    kept = [keep(tmp_path, "ada", letter, age=age) for letter, age in zip("abc", (30, 20, 10), strict=True)]
    assert [is_there(tmp_path, one) for one in kept] == [False, True, True]


def test_all_together_have_a_limit_that_takes_only_old_inputs_away(tmp_path: Path) -> None:
    room = Room(all=3000)
    yesterday = 2 * 24 * 3600.0
    old, new = keep(tmp_path, "ada", "a", room, age=yesterday), keep(tmp_path, "ada", "b", room, age=60)
    keep(tmp_path, "bea", "a", room)
    keep(tmp_path, "cleo", "a", room)
    assert (is_there(tmp_path, old), is_there(tmp_path, new)) == (False, True)
    with pytest.raises(DataError, match="all visitors together"):
        keep(tmp_path, "dora", "a", room)
    assert is_there(tmp_path, new)
    assert len(list((tmp_path / "inputs").glob("*/*"))) == 3, "and nothing of the refused one is left"
    assert keep(tmp_path, "cleo", "a", room).gone == 0, "who brings the same again needs no room"


def test_a_folder_that_leads_elsewhere_is_not_read(tmp_path: Path) -> None:
    kept = keep(tmp_path, "ada", "a")
    whose = kept.name.partition("-")[0]
    (tmp_path / "inputs" / whose).rename(tmp_path / "elsewhere")
    (tmp_path / "inputs" / whose).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotADirectoryError):
        kept_input(tmp_path, kept.name, "wav", limit=2000)


def test_the_policy_says_how_much_room_a_visitor_has(tmp_path: Path) -> None:
    loud = wav_bytes([0.5, -0.5] * 4000)
    policy = Policy(mode="shared", quotas=Quotas(inputs=1000))
    with pytest.raises(DataError, match="up to 1 kB"):
        InputDesk(tmp_path, policy, Person("guest-1")).keep_sound(loud)
    with pytest.raises(NotAllowedError, match="cannot recognise you"):
        InputDesk(tmp_path, policy, None).keep_sound(loud)
    assert InputDesk(tmp_path, policy, Person("guest-2", teacher=True)).keep_sound(loud).name.startswith("sound:")
    assert InputDesk(tmp_path, LOCAL_POLICY, None).keep_sound(loud) == InputDesk(
        tmp_path, LOCAL_POLICY, OPERATOR
    ).keep_sound(loud)
    assert Quotas(inputs="2M").inputs == 2 * 2**20
    with pytest.raises(ValueError, match="inputs"):
        Quotas(inputs="much")
