"""Classes on a shared server: a teacher opens one, students join with a name they choose. Start at Classes.

A class is a folder of the home, ``classes/<code>/``: ``class.json``, a file for each member, and the questions of the
lessons that members answered. Each member writes only files of their own, so that sixty of them do not wait for each
other. What a member answered stays in their own files (``learning``, ``lesson_answers``); the class only knows whose to
read. Deleting the folder deletes all that connects a name with a person. No torch, no streamlit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clps_core import learning, lesson_answers
from clps_core.errors import ConfigError, NotAllowedError
from clps_core.files import read_json
from clps_core.lessons import Lesson, from_plain, lesson_id, to_plain
from clps_core.person_files import keep_of, read_of, remove_of, stamp_of
from clps_core.shown import visible
from clps_core.store.connection import sentences
from clps_core.words import _, shown

__all__ = ["Class", "Classes", "Member", "code_of"]

FOLDER, PLACES = "classes", "class_of"
LETTERS = "BCDFGHJKMNPQRSTVWXYZ23456789"
"""Of a code: none looks like another, and no word comes of them."""
LENGTH = 6
MOST_CLASSES, MOST_MEMBERS, MOST_LESSONS = 100, 300, 40
MOST_NAME = 40
"""Characters of a class's name, and of a member's."""
MOST_PEOPLE = 10_000
LARGEST = 256 << 10
_CODE = re.compile(rf"[{LETTERS}]{{{LENGTH}}}")
_AT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Class:
    """One class; ``created`` in seconds since 1970."""

    code: str
    name: str
    created: float


@dataclass(frozen=True)
class Member:
    """``owner`` is who they are on this server, ``name`` how they want to be called, ``at`` the chapter they opened."""

    owner: str
    name: str
    at: str = ""


def code_of(text: str) -> str | None:
    """A code as it is kept, of what somebody typed; ``None`` for what is none."""
    found = re.sub(r"[\s-]", "", text[:40]).upper()
    return found if _CODE.fullmatch(found) else None


class Classes:
    """The classes of one home. Each method says in ``ConfigError`` or ``NotAllowedError`` why it cannot do a thing."""

    def __init__(self, home: Path) -> None:
        self._home = home

    # The teacher's side

    def open(self, name: str) -> Class:
        """A new class with this name."""
        name = _name(name, _("the name of a class"))
        if len(self.all()) >= MOST_CLASSES:
            raise NotAllowedError(_("at most {limit} classes can be open. Delete one.", limit=MOST_CLASSES))
        found = Class("".join(secrets.choice(LETTERS) for _place in range(LENGTH)), name, time.time())
        with sentences(self._home):
            for part in ("members", "names", "lessons"):
                (self._folder(found.code) / part).mkdir(parents=True, exist_ok=True)
            self._write(found.code, "class.json", {"version": 1, "name": name, "created": found.created})
        return found

    def all(self) -> list[Class]:
        """Every class that is open, the newest first."""
        codes = [path.name for path in _inside(self._home / FOLDER)]
        found = [one for code in codes if (one := self.find(code)) is not None]
        return sorted(found, key=lambda one: -one.created)

    def find(self, code: str) -> Class | None:
        """The class with this code; ``None`` where there is none."""
        if _CODE.fullmatch(code) is None:
            return None
        try:
            plain = read_json(self._home, FOLDER, code, "class.json", limit=LARGEST)
            return Class(code, _name(plain["name"], ""), float(plain["created"]))
        except (OSError, ValueError, KeyError, TypeError, ConfigError):
            return None

    def members(self, code: str) -> list[Member]:
        """Who has joined, by name."""
        files = [path.name for path in _inside(self._folder(code) / "members")]
        found = [one for name in files[:MOST_MEMBERS] if (one := self._member(code, name)) is not None]
        return sorted(found, key=lambda one: (one.name.casefold(), one.owner))

    def lessons(self, code: str) -> list[Lesson]:
        """The lessons that members have answered."""
        found = []
        for path in _inside(self._folder(code) / "lessons")[:MOST_LESSONS]:
            with contextlib.suppress(OSError, ValueError, ConfigError):
                found.append(from_plain(read_json(self._folder(code), "lessons", path.name, limit=LARGEST)))
        return found

    def pulse(self, members: Sequence[Member]) -> tuple[object, ...]:
        """Something that is another when somebody joined, went on or answered."""
        kept = (learning.FOLDER, lesson_answers.FOLDER)
        return (*members, *(stamp_of(self._home, folder, one.owner) for one in members for folder in kept))

    def delete(self, code: str, *, answers: bool) -> None:
        """Delete all of the class; ``answers``: also what its members answered on Learn and in lessons."""
        members = self.members(code)
        with sentences(self._home):
            gone = self._home / FOLDER / f".gone-{secrets.token_hex(6)}"
            self._folder(code).rename(gone)  # nobody joins a half of it
            shutil.rmtree(gone)
        for one in members:
            if self._place(one.owner) == code:
                remove_of(self._home, PLACES, one.owner)
            if answers:
                for folder in (learning.FOLDER, lesson_answers.FOLDER):
                    remove_of(self._home, folder, one.owner)

    # The student's side

    def join(self, code: str, owner: str, name: str) -> Class:
        """Be a member under ``name``; who is one already gets that name, and leaves another class."""
        found = self.find(code)
        if found is None:
            raise ConfigError(_("there is no class with this code. Check the code, or ask your teacher."))
        name = _name(name, _("your name"))
        before = self._member(code, _file(owner))
        if before is None and len(_inside(self._folder(code) / "members")) >= MOST_MEMBERS:
            raise NotAllowedError(_("at most {limit} people can be in a class.", limit=MOST_MEMBERS))
        self._take_name(code, owner, name)
        with sentences(self._home):
            member = Member(owner, name, before.at if before else "")
            self._write(code, f"members/{_file(owner)}", _plain(member))
            if before is not None and _key(before.name) != _key(name):
                (self._folder(code) / "names" / _key(before.name)).unlink(missing_ok=True)
        if self._place(owner) not in (None, code):
            self.leave(owner)
        keep_of(self._home, PLACES, owner, {"class": code}, MOST_PEOPLE)
        return found

    def of(self, owner: str) -> tuple[Class, Member] | None:
        """The class that ``owner`` is in, and as whom; ``None`` for nobody, and after the class was deleted."""
        code = self._place(owner)
        found = self.find(code) if code else None
        member = self._member(found.code, _file(owner)) if found else None
        return (found, member) if found and member else None

    def at(self, owner: str, chapter: str) -> None:
        """Note that ``owner`` has opened a chapter of Learn; nothing where they are in no class."""
        known = self.of(owner)
        if known is None or known[1].at == chapter or _AT.fullmatch(chapter) is None:
            return
        with contextlib.suppress(OSError):
            self._write(known[0].code, f"members/{_file(owner)}", _plain(Member(owner, known[1].name, chapter)))

    def answered(self, owner: str, lesson: Lesson) -> None:
        """Keep the questions of a lesson that ``owner`` answers, so that the teacher can read them with the answers."""
        known = self.of(owner)
        if known is None:
            return
        folder, name = self._folder(known[0].code) / "lessons", f"{lesson_id(lesson)}.json"
        if not (folder / name).exists() and len(_inside(folder)) < MOST_LESSONS:
            with contextlib.suppress(OSError):
                self._write(known[0].code, f"lessons/{name}", to_plain(lesson))

    def leave(self, owner: str) -> None:
        """Be in no class any more; the name becomes free."""
        known = self.of(owner)
        remove_of(self._home, PLACES, owner)
        if known is not None:
            folder = self._folder(known[0].code)
            for path in (folder / "members" / _file(owner), folder / "names" / _key(known[1].name)):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    # Files

    def _folder(self, code: str) -> Path:
        return self._home / FOLDER / code

    def _member(self, code: str, file: str) -> Member | None:
        try:
            plain = read_json(self._folder(code), "members", file, limit=LARGEST)
            at = plain["at"] if _AT.fullmatch(plain["at"]) else ""
            return Member(str(plain["owner"])[:200], _name(plain["name"], ""), at)
        except (OSError, ValueError, KeyError, TypeError, ConfigError):
            return None

    def _place(self, owner: str) -> str | None:
        try:
            code = read_of(self._home, PLACES, owner, LARGEST)["class"]
            return code if isinstance(code, str) and _CODE.fullmatch(code) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _take_name(self, code: str, owner: str, name: str) -> None:
        """One name, one member: the first of several who ask at once gets it."""
        path = self._folder(code) / "names" / _key(name)
        with sentences(self._home):
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                if path.read_text(encoding="utf-8") == _file(owner):
                    return
            else:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(_file(owner))
                return
        raise ConfigError(_("your name must be another one: {name} is in this class already. Add a letter.", name=name))

    def _write(self, code: str, name: str, plain: object) -> None:
        path = self._folder(code) / name
        temporary = path.parent / f".{secrets.token_hex(6)}.writing"
        try:
            temporary.write_text(json.dumps(plain), encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _plain(member: Member) -> dict[str, Any]:
    return {"version": 1, "owner": member.owner, "name": member.name, "at": member.at}


def _inside(folder: Path) -> list[Path]:
    """What is in ``folder`` and not about to come or to go, by name."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _name(text: object, what: str) -> str:
    name = visible(" ".join(text.split())) if isinstance(text, str) else ""
    if not 1 <= len(name) <= MOST_NAME:
        raise ConfigError(
            _("{what} must have from 1 to {limit} characters. Got {got}.", what=what, limit=MOST_NAME, got=shown(text))
        )
    return name


def _key(name: str) -> str:
    return hashlib.sha256(name.casefold().encode("utf-8", "replace")).hexdigest()[:32]


def _file(owner: str) -> str:
    return f"{hashlib.sha256(owner.encode('utf-8', 'replace')).hexdigest()[:32]}.json"
