"""What one person may do with data sets: ``own_data`` behind the policy. Start at DataDesk. No torch here.

A data set belongs to who added it. On a shared server others see and use it only after a teacher has shared it with
all. What is read is read in a process of its own (``own_data.child``): it takes seconds, and a hostile file ends that
process at worst.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from clps_core.errors import ClpsError, NotAllowedError
from clps_core.limits import DATA
from clps_core.own_data import record
from clps_core.own_data.child import Told, add_in_child, preview_in_child
from clps_core.own_data.record import KINDS, PREFIX, DataSet
from clps_core.own_data.sources import Source, check_file
from clps_core.own_data.tokenizing import parsed_tokenizer
from clps_core.own_data.vocabulary import made, names_file
from clps_core.policy import OPERATOR, Person, Policy, nobody
from clps_core.tasks import TASKS, TaskFacts
from clps_core.words import _

__all__ = ["DataDesk"]

MOST_TOKENIZERS = 24
"""That are kept with one data set when people with quotas ask for them."""
READING_PATIENCE = 60.0
"""Seconds that one more file of a person waits for the one that is read."""

_locks: WeakValueDictionary[tuple[Path, str], threading.Lock] = WeakValueDictionary()
_locks_lock = threading.Lock()


class DataDesk:
    """Where ``person`` (``None``: somebody who cannot be told from others) asks for data sets of ``home``."""

    def __init__(self, home: Path, policy: Policy, person: Person | None, unknown: str | None = None) -> None:
        self.home, self.policy, self.person, self.unknown = home, policy, person, unknown or nobody()

    # What pages ask before they show something

    def sets(self) -> list[DataSet]:
        """The data sets that they may look at and train on; damaged ones are left out."""
        found = []
        for name in record.names(self.home):
            try:
                one = record.read(self.home, name)
            except ClpsError:
                continue
            if self.why_not_use(one) is None:
                found.append(one)
        return found

    def tasks(self) -> dict[str, TaskFacts]:
        """Name -> usual facts of all tasks that they can choose: the installed ones, then their data sets."""
        mine = {task for one in self.sets() for task in one.tasks}
        found = TASKS.usable(self.home, own=True)
        return {name: facts for name, facts in found.items() if name in mine or not name.startswith(PREFIX)}

    @property
    def reaches_files(self) -> bool:
        """Whether they may name files of this machine, and data sets on the hub: never a visitor."""
        return not self.policy.shared

    @property
    def reaches_hub(self) -> bool:
        """Whether the server may fetch data sets of the hub for them."""
        return not self.policy.bound(self.person)

    def is_mine(self, one: DataSet) -> bool:
        """Whether it belongs to this person."""
        return not self.policy.shared or (self.person is not None and self.person.owner == one.owner)

    def why_not_use(self, one: DataSet) -> str | None:
        """Why they may neither look at it nor train on it; ``None`` where they may."""
        if self.is_mine(one) or one.shared or (self.person is not None and self.person.teacher):
            return None
        return _(
            "the data set {name} belongs to somebody else and is not shared. Ask a teacher to share it.",
            name=one.name,
        )

    def why_not_remove(self, one: DataSet) -> str | None:
        """Why they may not delete it; ``None`` where they may."""
        if self.is_mine(one) or (self.person is not None and self.person.teacher):
            return None
        return self.unknown if self.person is None else _("only its owner or a teacher may remove a data set.")

    @property
    def may_share(self) -> bool:
        """Whether they may share a data set with everybody on this server, or end that."""
        return self.policy.shared and self.person is not None and self.person.teacher

    def check_use_of(self, task: str, tokenizer: str | None = None) -> None:
        """Raise ``NotAllowedError`` where the task is a data set that they may not use, or not with this tokenizer."""
        if not task.startswith(PREFIX):
            return
        one = record.read(self.home, record.found_name(task))
        if problem := self.why_not_use(one):
            raise NotAllowedError(problem)
        if self.policy.bound(self.person):
            self._check_tokenizers(one, tokenizer)

    def _check_tokenizers(self, one: DataSet, asked: str | None) -> None:
        """One more tokenizer is kept with the set, and later its tokens: that takes room of the set's owner."""
        if one.kind not in KINDS:  # pictures and sounds have none
            return
        known, count = made(record.folder_of(self.home, one.name), one, asked)
        if known:
            return
        if count >= MOST_TOKENIZERS:
            raise NotAllowedError(
                _(
                    "a data set can have at most {limit} tokenizers here. {asked} would be added to {n}. Choose one "
                    "that was used before, or ask a teacher.",
                  limit=MOST_TOKENIZERS, asked=asked or one.tokenizer, n=count)
            )  # fmt: skip
        self.policy.check_data(Person(one.owner), 0, *self.use(one.owner)[1:])

    def use(self, owner: str | None = None) -> tuple[int, int, int]:
        """(sets, bytes) of this person or ``owner``, and the bytes of all who have quotas; damaged sets count too."""
        from clps_core.jobs.guests import Guests

        guests = Guests(self.home, self.policy)
        whose = owner or (self.person.owner if self.person is not None else None)
        sets = size = together = 0
        for name in record.names(self.home):
            known = record.owner_of(self.home, name)
            mine = known is not None and known == whose
            of_guest = known is None or known in guests
            if not mine and not of_guest:
                continue
            bytes_ = record.size_of(self.home, name)
            sets, size = (sets + 1, size + bytes_) if mine else (sets, size)
            together += bytes_ if of_guest else 0
        return sets, size, together

    # What they ask for

    def preview(
        self,
        source: Source,
        *,
        kind: str | None = None,
        columns: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Told:
        """The first rows of ``source`` and what its columns are taken for."""
        self._check_source(source)
        if source.path is not None and source.path.is_file():
            check_file(source.path, source.encoding)  # at once: starting the process takes seconds
        with self._reading():
            return preview_in_child(
                self.home, source, kind=kind, columns=columns or {}, options=options or {},
                limit=self._file_limit(source),
            )  # fmt: skip

    def add(
        self,
        name: str,
        source: Source,
        *,
        kind: str | None = None,
        columns: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        tokenizer: str | None = None,
        licence: str = "",
    ) -> DataSet:
        """Keep ``source`` as a data set of theirs."""
        person = self._check_source(source)
        self._check_tokenizer(tokenizer)
        with self._reading():
            if self.policy.bound(person):
                self.policy.check_data(person, *self.use())
            added = add_in_child(
                self.home, name, source, kind=kind, columns=columns or {}, options=options or {}, tokenizer=tokenizer,
                licence=licence, owner=person.owner, limit=self._file_limit(source), room=self._room(),
            )  # fmt: skip
        return record.read(self.home, added)

    def share(self, name: str, shared: bool = True) -> None:
        """Let everybody on this server look at it and train on it, or no longer."""
        one = record.read(self.home, name)
        if not self.may_share:
            raise NotAllowedError(_("only a teacher may share a data set with everybody. Ask one."))
        record.write(record.folder_of(self.home, name), one.model_copy(update={"shared": shared}))

    def remove(self, name: str) -> None:
        """Delete the stored copy; that of a damaged one too, if it is theirs or they are a teacher."""
        try:
            one = record.read(self.home, name)
        except ClpsError:
            owner = record.owner_of(self.home, name) if name in record.names(self.home) else None
            theirs = self.person is not None and (self.person.teacher or self.person.owner == owner)
            if self.policy.shared and not theirs:
                raise
        else:
            if problem := self.why_not_use(one) or self.why_not_remove(one):
                raise NotAllowedError(problem)
        record.remove(self.home, name)

    # Inside

    def _check_source(self, source: Source) -> Person:
        if self.person is None and self.policy.shared:
            raise NotAllowedError(self.unknown)
        if source.hub is not None and not self.reaches_hub:
            raise NotAllowedError(
                _("only a teacher may add a data set from Hugging Face here. Ask one, or upload a file.")
            )
        uploads = self.home / record.FOLDER
        inside = source.path is not None and source.path.parent.parent == uploads
        if source.path is not None and not inside and not self.reaches_files:
            raise NotAllowedError(_("on this server, data sets must be uploaded. Paths on the server are not read."))
        return self.person or OPERATOR

    def _check_tokenizer(self, asked: str | None) -> None:
        """A path is opened by the server: what can be read of it, and every refusal, would tell about its files."""
        if asked is None or (self.reaches_files and names_file(asked)):
            return
        if names_file(asked):
            raise NotAllowedError(
                _(
                    "on this server, a tokenizer must be trained here, such as bpe:2000. Files on the server are not "
                    "read."
                )
            )
        parsed_tokenizer(asked)

    def _file_limit(self, source: Source) -> int:
        return DATA.upload_bytes if source.called else DATA.file_bytes

    def _room(self) -> int | None:
        """Bytes that one more data set of theirs may take; ``None`` where nothing limits them."""
        if not self.policy.bound(self.person):
            return None
        _sets, size, together = self.use()
        limits = ((self.policy.quotas.data, size), (self.policy.server.data, together))
        return min((max(0, limit - now) for limit, now in limits if limit is not None), default=None)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Of somebody with quotas one process reads at a time: what they have is counted before the next one adds."""
        if self.person is None or not self.policy.bound(self.person):
            yield
            return
        with _locks_lock:
            lock = _locks.setdefault((self.home, self.person.owner), threading.Lock())
        if not lock.acquire(timeout=READING_PATIENCE):
            raise NotAllowedError(
                _(
                    "another data set of yours is being read, and only one at a time is allowed. Try again when it "
                    "is done.")
            )  # fmt: skip
        try:
            yield
        finally:
            lock.release()
