"""Who may do what with runs, and how much of it. No torch, no streamlit. Start at read_policy and Person.

A server has one policy, a YAML file: ``CLPS_POLICY``, or ``policy.yaml`` in ``CLPS_HOME``. Without a file its
mode is ``local``: one person, who may do everything. On a ``shared`` server everybody sees all runs; only the
owner or a teacher acts on one or reads its log, and everybody but teachers has quotas::

    mode: shared
    login: true                             # nobody is known by a cookie, also when the login is out of order
    teachers: [ada@school.example]          # e-mail addresses, where people log in
    teacher_code: scrypt$16384$...          # where they do not; 'clps policy code' makes this line
    quotas: {queued: 20, steps: 5000, disk: 2G}   # of one person
    server: {queued: 200, disk: 20G}        # of all who have quotas together (limits.py)
    proxies: [127.0.0.1]                    # whose X-Forwarded-For says where a visitor comes from

Who uses the command line on the server itself can read and write ``CLPS_HOME`` anyway: the policy does not
bind them (``OPERATOR``). ``jobs/desk.py`` is the one place that asks the policy before something is done.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from clps_core.addresses import Network, network
from clps_core.amounts import bytes_of
from clps_core.config import MAX_YAML_BYTES, RunConfig, plain_from_yaml, validated
from clps_core.errors import ConfigError, NotAllowedError
from clps_core.files import open_given
from clps_core.limits import Amount, Limits
from clps_core.owners import plain_address
from clps_core.words import _

__all__ = [
    "LOCAL_POLICY",
    "OPERATOR",
    "Action",
    "Person",
    "Policy",
    "Quotas",
    "Use",
    "hash_code",
    "policy_path",
    "read_policy",
]

FILE_NAME = "policy.yaml"
FEWEST_CODE_CHARACTERS = 8
SCRYPT = {"n": 2**14, "r": 8, "p": 1}
"""About 16 MiB and 50 ms for one try at a teacher's code."""

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
        if value is not None and _parts_of(value) is None:
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
        length = max(config.data.seq_len or 0, config.model.max_positions or 0)
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
        parts = _parts_of(self.teacher_code or "")
        if parts is None:
            return False
        cost, salt, wanted = parts
        return hmac.compare_digest(_scrypt(code, cost, salt), wanted)


LOCAL_POLICY = Policy()


def nobody() -> str:
    """What somebody is told whom a shared server cannot tell from others."""
    return _(
        "this shared server cannot recognise you: your browser sent no valid cookie and you are not logged in. Log "
        "in if the page offers it, or allow cookies for this address, then reload the page."
    )


def policy_path(home: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the policy of ``home`` is, or would be."""
    asked = environment.get("CLPS_POLICY", "").strip()
    return Path(asked).expanduser() if asked else home / FILE_NAME


def read_policy(home: Path, environment: Mapping[str, str] = os.environ) -> Policy:
    """The policy of ``home``; raises ``ConfigError`` where there is a file and it is none.

    A file that ``CLPS_POLICY`` names must exist: a mistyped name must not open a server to everybody.
    """
    path = policy_path(home, environment)
    try:
        # A policy may be a link: that is how clusters mount one.
        with open_given(path) as file:
            text = file.read(MAX_YAML_BYTES + 1).decode("utf-8")
    except FileNotFoundError:
        if environment.get("CLPS_POLICY", "").strip():
            raise _unreadable(path, _("there is no such file")) from None
        return LOCAL_POLICY
    except UnicodeDecodeError:
        raise _unreadable(path, _("it is not UTF-8 text")) from None
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from None
    try:
        return _policy_of(text)
    except ConfigError as error:
        raise ConfigError(_("the policy {path} cannot be used: {problem}", path=path, problem=str(error))) from None


@lru_cache(maxsize=8)
def _policy_of(text: str) -> Policy:
    """Kept by what the file says: it is read for everything that a page asks, and YAML is slow."""
    return validated(Policy, _plain(text))


def _unreadable(path: Path, reason: str) -> ConfigError:
    return ConfigError(_("the policy must be a readable YAML file. Got {path}: {reason}.", path=path, reason=reason))


def _plain(text: str) -> dict[str, Any]:
    """A file with nothing but comments is the policy of ``local``."""
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return {}
    return plain_from_yaml(text)


# The teacher's code: only a slow hash of it is kept


def hash_code(code: str) -> str:
    """What ``teacher_code`` in a policy file holds for ``code``; raises ``ConfigError`` for one easily guessed."""
    if len(code) < FEWEST_CODE_CHARACTERS:
        raise ConfigError(
            _(
                "a teachers' code must have at least {limit} characters. Got {got}. Use a longer one.",
                limit=FEWEST_CODE_CHARACTERS,
                got=len(code),
            )
        )
    salt = secrets.token_bytes(16)
    return f"scrypt${SCRYPT['n']}${salt.hex()}${_scrypt(code, SCRYPT['n'], salt).hex()}"


def _scrypt(code: str, cost: int, salt: bytes) -> bytes:
    text = code.encode("utf-8", "surrogatepass")[:1024]
    return hashlib.scrypt(text, salt=salt, n=cost, r=SCRYPT["r"], p=SCRYPT["p"], dklen=32)


def _parts_of(text: str) -> tuple[int, bytes, bytes] | None:
    match = re.fullmatch(r"scrypt\$(16384)\$([0-9a-f]{32})\$([0-9a-f]{64})", text)
    return (int(match[1]), bytes.fromhex(match[2]), bytes.fromhex(match[3])) if match else None
