"""A lesson: pages in a state that a teacher chose, with a note and a question. Start at Lesson and from_token.

A lesson travels in a link as a *token*: its version, its content (JSON, packed, in base64) and a signature with the key
of the server that made it. The content is complete, so a lesson also opens on another server; there its signature
fits nothing, and it is *unverified*. Everything in a token or in a file may come from anybody. No torch, no streamlit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import yaml

from clps_core.config import plain_from_yaml
from clps_core.errors import ConfigError
from clps_core.files import parsed_json
from clps_core.owners import Signer
from clps_core.shown import visible
from clps_core.words import _, shown

__all__ = [
    "Lesson",
    "Step",
    "address_of",
    "from_plain",
    "from_token",
    "from_yaml",
    "lesson_id",
    "to_plain",
    "to_token",
    "to_yaml",
]

VERSION = 1
MOST_STEPS, MOST_OPTIONS, MOST_PARTS, MOST_FIELDS = 12, 8, 30, 60
MOST_TITLE, MOST_ABOUT, MOST_NOTE, MOST_QUESTION, MOST_OPTION, MOST_ADDRESS = 120, 300, 3000, 500, 120, 4000
"""Characters."""
MOST_TOKEN = 7000
"""Characters of a link's token. Proxies refuse addresses of more than about 8000."""
MOST_BYTES = 200_000
"""Of a token's content once it is unpacked."""
PURPOSE = "lesson"
SIGNATURE = 32
"""Hexadecimal digits of a signature: 128 bits."""
NEVER = ("token", "lesson", "lesson_step", "present", "embed", "embed_options")
"""Parameters of an address that are no part of a page's state: ``token`` is the server's door key, and Streamlit lets
nobody write the last two."""
_TOKEN = re.compile(r"([0-9]{1,4})\.([A-Za-z0-9_-]+)\.([0-9a-f]*)")
_FIELD = re.compile(r"[\w.-]{1,60}")
_PAGE = re.compile(r"[a-z]{1,20}")
_PART = re.compile(r"[a-z][a-z_]{0,29}")


@dataclass(frozen=True)
class Step:
    """One page of a lesson.

    ``page`` is its name and ``query`` the parameters of its address, in their order. ``note`` is Markdown, kept as it
    was written. ``question`` is empty where nothing is asked; without ``options`` it is answered in the reader's words.
    ``hide`` and ``lock`` name parts of the page, as ``app/lesson/parts.py`` lists them.
    """

    page: str
    query: tuple[tuple[str, str], ...] = ()
    note: str = ""
    question: str = ""
    options: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """``/design?strategy=none&strategy=all``."""
        return f"/{self.page}?{urlencode(self.query)}" if self.query else f"/{self.page}"

    def parameters(self) -> dict[str, list[str]]:
        """``query`` with the values of each parameter together."""
        found: dict[str, list[str]] = {}
        for name, value in self.query:
            found.setdefault(name, []).append(value)
        return found


@dataclass(frozen=True)
class Lesson:
    """``title`` is one line, ``about`` says in a sentence or two what it is for; at least one step."""

    title: str
    steps: tuple[Step, ...]
    about: str = ""


def lesson_id(lesson: Lesson) -> str:
    """16 characters that name this content: answers are kept under it, so that a changed lesson starts anew."""
    return hashlib.sha256(_content(lesson)).hexdigest()[:16]


def address_of(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Page and parameters of an address as a browser shows it, with or without the server's name before it.

    Raises ``ConfigError`` for what is none. What is in ``NEVER``, and what can be no name, is left out.
    """
    text = text.strip()
    if len(text) > MOST_ADDRESS:
        raise _too_long(_("a page's address"), MOST_ADDRESS, len(text))
    try:
        parts = urlsplit(text)
        fields = parse_qsl(parts.query, keep_blank_values=False, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise ConfigError(
            _("a page's address must be as the browser shows it. Got {got}. Copy it again.", got=shown(text[:60]))
        ) from None
    page = parts.path.rstrip("/").rpartition("/")[2] or "start"
    if _PAGE.fullmatch(page) is None:
        raise ConfigError(
            _(
                "a page's address must be that of a page of this dashboard, such as /design?strategy=all. Got {got}. "
                "Copy it from the browser.",
                got=shown(text[:60]),
            )
        )
    return page, tuple(one for one in fields if _FIELD.fullmatch(one[0]) and one[0].lower() not in NEVER)


# YAML


def from_yaml(text: str) -> Lesson:
    """The lesson in a YAML file; raises ``ConfigError`` where it is none."""
    return from_plain(plain_from_yaml(text))


def to_yaml(lesson: Lesson) -> str:
    """The file that ``from_yaml`` reads back as the same lesson."""
    return str(yaml.dump(to_plain(lesson), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that people can edit them."""


def _as_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    node: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    return node


_Dumper.add_representer(str, _as_text)


# Tokens


def to_token(lesson: Lesson, signer: Signer) -> str:
    """The lesson as a link carries it; raises ``ConfigError`` where it is too long for one."""
    packed = base64.urlsafe_b64encode(zlib.compress(_content(from_plain(to_plain(lesson))), 9)).decode().rstrip("=")
    token = f"{VERSION}.{packed}.{_signature(packed, signer)}"
    if len(token) > MOST_TOKEN:
        raise ConfigError(
            _(
                "a lesson's link must have at most {limit:,} characters. Got {got:,}. Shorten the notes, or make two "
                "lessons.",
                limit=MOST_TOKEN,
                got=len(token),
            )
        )
    return token


def from_token(token: str, signer: Signer | None) -> tuple[Lesson, bool]:
    """The lesson in a link, and whether this server signed it; raises ``ConfigError`` with the sentence for its reader.

    ``signer`` is ``None`` where this server's key cannot be read: then nothing is verified.
    """
    if len(token) > MOST_TOKEN:
        raise _too_long(_("a lesson's link"), MOST_TOKEN, len(token))
    version = token.partition(".")[0]
    if version.isascii() and version.isdecimal() and int(version[:9]) > VERSION:
        raise ConfigError(
            _(
                "this lesson was made by a newer version of CLPS Lab, and cannot be read. Update CLPS Lab, or ask for "
                "a new link."
            )
        )
    match = _TOKEN.fullmatch(token)
    if match is None or int(match[1]) != VERSION or len(match[3]) != SIGNATURE:
        raise _incomplete()
    try:
        lesson = from_plain(parsed_json(_unpacked(match[2])))
    except ConfigError:
        raise
    except (ValueError, zlib.error, binascii.Error):
        raise _incomplete() from None
    verified = signer is not None and hmac.compare_digest(match[3], _signature(match[2], signer))
    return lesson, verified


def _unpacked(packed: str) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), MOST_BYTES)
    if not unpacking.eof:
        raise ValueError
    return content


def _signature(packed: str, signer: Signer) -> str:
    return signer.signature(PURPOSE, f"{VERSION}.{packed}")[:SIGNATURE]


def _incomplete() -> ConfigError:
    return ConfigError(_("the link of this lesson is not complete. Copy the whole link again, or ask for it."))


# What may be in a lesson


def _content(lesson: Lesson) -> bytes:
    return json.dumps(to_plain(lesson), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def to_plain(lesson: Lesson) -> dict[str, Any]:
    """The lesson as the data that a file or a token holds."""
    steps = [
        {
            "address": one.address,
            **{name: value for name in ("note", "question") if (value := getattr(one, name))},
            **{name: list(value) for name in ("options", "hide", "lock") if (value := getattr(one, name))},
        }
        for one in lesson.steps
    ]
    return {"title": lesson.title, **({"about": lesson.about} if lesson.about else {}), "steps": steps}


def from_plain(plain: Any) -> Lesson:
    """The lesson in such data, whoever wrote it; raises ``ConfigError`` where it is none."""
    found = _fields(plain, _("a lesson"), ("title", "about", "steps"))
    title = _line(found.get("title"), _("the title of a lesson"), MOST_TITLE)
    if not title:
        raise ConfigError(_("a lesson must have a title. Write one."))
    steps = found.get("steps")
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        raise ConfigError(
            _(
                "a lesson must have from 1 to {limit} steps. Got {got}.",
                limit=MOST_STEPS,
                got=len(steps) if isinstance(steps, list) else shown(steps),
            )
        )
    about = _line(found.get("about", ""), _("the description of a lesson"), MOST_ABOUT)
    return Lesson(title, tuple(map(_step, steps)), about)


def _step(plain: Any) -> Step:
    found = _fields(plain, _("a step"), ("address", "note", "question", "options", "hide", "lock"))
    page, query = address_of(_text(found.get("address", ""), _("a page's address"), MOST_ADDRESS))
    question = _line(found.get("question", ""), _("a question"), MOST_QUESTION)
    options = tuple(_line(one, _("an option"), MOST_OPTION) for one in _list(found, "options", MOST_OPTIONS))
    if options and (len(set(options)) < len(options) or len(options) < 2 or "" in options or not question):
        raise ConfigError(
            _("a question with options must have at least two different ones. Got {got}.", got=shown(list(options)))
        )
    note = _text(found.get("note", ""), _("a note"), MOST_NOTE)
    return Step(page, query, note, question, options, _parts(found, "hide"), _parts(found, "lock"))


def _fields(plain: Any, what: str, names: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(plain, dict):
        raise ConfigError(
            _("{what} must have the fields {names}. Got {got}.", what=what, names=", ".join(names), got=shown(plain))
        )
    if unknown := [one for one in plain if one not in names]:
        raise ConfigError(
            _(
                "{what} must have the fields {names} only. Got {got}.",
                what=what,
                names=", ".join(names),
                got=shown(unknown[0]),
            )
        )
    return plain


def _list(found: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = found.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        raise ConfigError(
            _(
                "{name} must be a list of at most {limit} entries. Got {got}.",
                name=name,
                limit=most,
                got=len(value) if isinstance(value, list) else shown(value),
            )
        )
    return value


def _parts(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    parts = _list(found, name, MOST_PARTS)
    for one in parts:
        if not isinstance(one, str) or _PART.fullmatch(one) is None:
            raise ConfigError(
                _("{name} must list parts of a page by their names, such as schemes. Got {got}.",
                  name=name, got=shown(one))
            )  # fmt: skip
    return tuple(dict.fromkeys(parts))


def _line(text: Any, what: str, most: int) -> str:
    return " ".join(_text(text, what, most).split())


def _text(text: Any, what: str, most: int) -> str:
    if text is None or isinstance(text, bool | int | float):  # YAML reads `4`, `yes` and nothing as no texts
        text = "" if text is None else str(text)
    if not isinstance(text, str):
        raise ConfigError(_("{what} must be text. Got {got}.", what=what, got=shown(text)))
    kept = visible(text.replace("\r\n", "\n").strip(), keep="\n\t")
    if len(kept) > most:
        raise _too_long(what, most, len(kept))
    return kept


def _too_long(what: str, limit: int, got: int) -> ConfigError:
    return ConfigError(
        _(
            "{what} must have at most {limit:,} characters. Got {got:,}. Shorten it.",
            what=what,
            limit=limit,
            got=got,
        )
    )
