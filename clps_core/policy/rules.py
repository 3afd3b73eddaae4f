"""The rules of one server: who may do what, and how much of it. Start at Policy and Person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from clps_core.addresses import Network, network
from clps_core.amounts import bytes_of
from clps_core.config import RunConfig
from clps_core.errors import ConfigError, NotAllowedError
from clps_core.limits import Amount, Limits
from clps_core.owners import plain_address
from clps_core.policy.code import code_fits, is_hash
from clps_core.words import _

__all__ = ["LOCAL_POLICY", "OPERATOR", "Action", "Person", "Policy", "Quotas", "Use", "nobody"]

Action = Literal[
    "cancel", "pause", "resume", "retry", "delete", "fork", "log", "priority", "score", "evaluate", "rename", "pin",
    "note", "tag", "archive",
]  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Who asks. ``owner`` is what stands in the runs they start; ``name`` is how they are called on a page."""

    owner: str
    teacher: bool = False
    name: str = ""


OPERATOR = Person("local", teacher=True)
"""Who sits at the server: the command line, and everybody in mode ``local``."""


@dataclass(frozen=True)
class Use:
    """What one owner has now: runs and evaluations that wait, that run; all runs; and the bytes of all files."""

    queued: int = 0
    running: int = 0
    runs: int = 0
    disk: int = 0


class Quotas(BaseModel):
    """What one person may have on a shared server; ``null`` in the file lifts a limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    queued: Amount | None = 24
    """Runs and evaluations that wait at once."""
    running: Annotated[int, Field(ge=1, le=1024)] | None = 2
    """Runs and evaluations at work at once: the supervisor leaves the others waiting."""
    runs: Amount | None = 200
    """Runs kept, in any state."""
    disk: Amount | None = 4 * 2**30
    """Bytes of all their files; ``500M``, ``4G`` in the file."""
    steps: Amount | None = 20_000
    """Optimiser steps of one run."""
    parameters: Amount | None = 30_000_000
    """Executed parameters of one model (every use counted): what a step costs, however much is shared."""
    length: Amount | None = 512
    """Positions of the longest input of one model."""
    batch_size: Amount | None = 256
    evaluations: Amount | None = 1000
    """Evaluations of one run, and its checkpoints: each can cost as much as many steps."""
    threads: Amount | None = 4
    """CPU threads that a run may ask for; one that asks for none has its slot's."""
    data_sets: Amount | None = 10
    """A person's data sets."""
    data: Amount | None = 500 * 2**20
    """Bytes of all that is kept for them; ``500M``, ``1G`` in the file."""
    inputs: Amount | None = 16 * 2**20
    """Bytes of the sounds and pictures that they bring as inputs: of more, their oldest go."""

    @field_validator("disk", "data", "inputs", mode="before")
    @classmethod
    def _size(cls, value: object, info: ValidationInfo) -> object:
        return bytes_of(value, f"quotas.{info.field_name}")


class Policy(BaseModel):
    """The rules of one server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["local", "shared"] = "local"
    login: bool = False
    """Only a login says who somebody is; by default a cookie does where no login is set up."""
    teachers: tuple[str, ...] = ()
    teacher_code: str | None = None
    quotas: Quotas = Quotas()
    server: Limits = Limits()
    proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies that are believed. Everybody else can write what they like into a header."""

    @field_validator("teachers")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,190}", address):
                raise ValueError(_("teachers must be a list of e-mail addresses. Got {got!r}.", got=address[:60]))
        return tuple(plain_address(address) for address in value)

    @field_validator("proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            try:
                network(address)
            except ValueError:
                raise ValueError(
                    _("proxies must be addresses such as 127.0.0.1 or 10.0.0.0/8. Got {got!r}.", got=address[:60])
                ) from None
        return value

    @field_validator("teacher_code")
    @classmethod
    def _hashed(cls, value: str | None) -> str | None:
        if value is not None and not is_hash(value):
            raise ValueError(_("teacher_code must be a hash, never the code itself. Make one with: clps policy code."))
        return value

    @model_validator(mode="after")
    def _rules_need_a_shared_server(self) -> Policy:
        given = [name for name in Policy.model_fields if name != "mode" and name in self.model_fields_set]
        if self.mode == "local" and given:
            raise ValueError(
                _(
                    "a policy with {fields} must have mode shared. Got mode local, in which one person may do "
                    "everything. Add 'mode: shared', or leave them out.",
                    fields=", ".join(given),
                )
            )
        return self

    @property
    def shared(self) -> bool:
        """Whether there are owners at all."""
        return self.mode == "shared"

    @property
    def believed(self) -> tuple[Network, ...]:
        """``proxies`` as networks."""
        return tuple(map(network, self.proxies))

    def is_teacher(self, address: str) -> bool:
        """Whether this (checked) e-mail address is a teacher's."""
        return plain_address(address) in self.teachers

    def why_not(self, person: Person | None, action: Action, owner: str) -> str | None:
        """Why ``person`` may not do this to a run of ``owner``; ``None`` where they may."""
        if not self.shared or (person is not None and (person.teacher or person.owner == owner)):
            return None
        if person is None:
            return nobody()
        return _(
            "you may not {action} this run: it is somebody else's. Start a run of your own, or ask a teacher.",
            action={
                "log": _("read the log of"),
                "priority": _("change the priority of"),
                "note": _("write the note of"),
            }.get(action, action),
        )

    def bound(self, person: Person | None) -> bool:
        """Whether quotas hold for them."""
        return self.shared and not (person is not None and person.teacher)

    def check_config(self, person: Person | None, config: RunConfig, executed_parameters: int) -> None:
        """Raise ``ConfigError`` where one *resolved* config is larger than this server gives to one person."""
        if not self.bound(person):
            return
        model = config.model
        length = max(config.data.seq_len or 0, model.max_positions or 0, model.max_target_positions or 0)
        saved = config.train.checkpoint_every

        def per(steps: int) -> int:
            return -(-config.train.steps // steps)

        for what, field, got in (
            (_("steps of a run (train.steps)"), "steps", config.train.steps),
            (_("examples per step (train.batch_size)"), "batch_size", config.train.batch_size),
            (_("executed parameters (each use is counted)"), "parameters", executed_parameters),
            (_("positions of an input"), "length", length),
            (_("evaluations of a run (train.steps / train.eval_every)"), "evaluations", per(config.train.eval_every)),
            (_("checkpoints of a run (train.steps / train.checkpoint_every)"), "evaluations", per(saved)),
            (_("threads of a run (train.threads)"), "threads", config.train.threads or 0),
        ):
            limit: int | None = getattr(self.quotas, field)
            if limit is not None and got > limit:
                raise ConfigError(
                    _(
                        "{what} must be at most {limit:,} on this server. Got {got:,}. Lower it, or ask a teacher.",
                        what=what,
                        limit=limit,
                        got=got,
                    )
                )

    def most_steps(self, person: Person | None, config: RunConfig) -> int | None:
        """The most steps that ``check_config`` lets a run of ``config`` have; ``None`` where nothing bounds them."""
        if not self.bound(person):
            return None
        each, train = self.quotas.evaluations, config.train
        of_each = [] if each is None else [each * train.eval_every, each * train.checkpoint_every]
        return min((limit for limit in (self.quotas.steps, *of_each) if limit is not None), default=None)

    def check_data(self, person: Person | None, sets: int, size: int, together: int) -> None:
        """Raise ``NotAllowedError`` where they may add no data set to their ``sets`` of ``size`` bytes.

        ``together``: bytes of the data sets of all who have quotas.
        """
        if not self.bound(person):
            return
        if self.quotas.data_sets is not None and sets >= self.quotas.data_sets:
            raise NotAllowedError(
                _(
                    "at most {limit} data sets per person can be kept. You have {now}. Remove one of them.",
                    limit=self.quotas.data_sets,
                    now=sets,
                )
            )
        for limit, now in ((self.quotas.data, size), (self.server.data, together)):
            if limit is not None and now >= limit:
                raise NotAllowedError(
                    _(
                        "data sets can take up to {limit:,} MB here. Yours take {now:,} MB. Remove some, or ask a "
                        "teacher.",
                        limit=limit // 10**6,
                        now=now // 10**6,
                    )
                )

    def check_use(self, person: Person | None, use: Use, new: int) -> None:
        """Raise ``NotAllowedError`` where ``new`` more runs are more than one person may have."""
        if not self.bound(person):
            return
        quotas = self.quotas
        if quotas.queued is not None and use.queued + new > quotas.queued:
            raise NotAllowedError(
                _(
                    "at most {limit} runs and evaluations per person can wait. {new} would be added to {now} that "
                    "are waiting. Start fewer, or wait until some have started.",
                    limit=quotas.queued,
                    new=new,
                    now=use.queued,
                )
            )
        if quotas.runs is not None and use.runs + new > quotas.runs:
            raise NotAllowedError(
                _(
                    "at most {limit} runs per person can be kept. {new} would be added to {now}. Delete some of yours.",
                    limit=quotas.runs,
                    new=new,
                    now=use.runs,
                )
            )
        if quotas.disk is not None and use.disk >= quotas.disk:
            raise NotAllowedError(
                _(
                    "the files of one person's runs can take up to {limit:.2f} GiB. Yours take {now:.2f} GiB. Delete "
                    "some of your runs.",
                    limit=quotas.disk / 2**30,
                    now=use.disk / 2**30,
                )
            )

    def check_together(self, person: Person | None, together: Use, new: int) -> None:
        """Raise ``NotAllowedError`` where ``new`` more runs are more than all who have quotas may have together."""
        if not self.bound(person):
            return
        limits = self.server
        if limits.queued is not None and together.queued + new > limits.queued:
            raise NotAllowedError(
                _(
                    "at most {limit} runs and evaluations of all visitors together can wait. {new} would be added to "
                    "{now} that are waiting. Try again when some have started, or ask a teacher.",
                    limit=limits.queued,
                    new=new,
                    now=together.queued,
                )
            )
        if limits.disk is not None and together.disk >= limits.disk:
            raise NotAllowedError(
                _(
                    "the files of all visitors' runs together can take up to {limit:.2f} GiB. They take {now:.2f} "
                    "GiB. Delete some of your runs, or ask a teacher.",
                    limit=limits.disk / 2**30,
                    now=together.disk / 2**30,
                )
            )

    def code_fits(self, code: str) -> bool:
        """Whether ``code`` is the teacher's; slow on purpose."""
        return code_fits(code, self.teacher_code or "")


LOCAL_POLICY = Policy()


def nobody() -> str:
    """What somebody is told whom a shared server cannot tell from others."""
    return _(
        "this shared server cannot recognise you: your browser sent no valid cookie and you are not logged in. Log "
        "in if the page offers it, or allow cookies for this address, then reload the page."
    )
