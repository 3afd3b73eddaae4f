"""The teachers' code of a server without a login: only a slow hash of it is kept. Start at hash_code."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["code_fits", "hash_code", "is_hash"]

FEWEST_CODE_CHARACTERS = 8
SCRYPT = {"n": 2**14, "r": 8, "p": 1}
"""About 16 MiB and 50 ms for one try at a teacher's code."""


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


def is_hash(text: str) -> bool:
    """Whether ``text`` is what ``hash_code`` makes of some code."""
    return _parts_of(text) is not None


def code_fits(code: str, kept: str) -> bool:
    """Whether ``kept`` is ``hash_code``'s of ``code``; slow on purpose, false where it is no hash."""
    parts = _parts_of(kept)
    if parts is None:
        return False
    cost, salt, wanted = parts
    return hmac.compare_digest(_scrypt(code, cost, salt), wanted)


def _scrypt(code: str, cost: int, salt: bytes) -> bytes:
    text = code.encode("utf-8", "surrogatepass")[:1024]
    return hashlib.scrypt(text, salt=salt, n=cost, r=SCRYPT["r"], p=SCRYPT["p"], dklen=32)


def _parts_of(text: str) -> tuple[int, bytes, bytes] | None:
    match = re.fullmatch(r"scrypt\$(16384)\$([0-9a-f]{32})\$([0-9a-f]{64})", text)
    return (int(match[1]), bytes.fromhex(match[2]), bytes.fromhex(match[3])) if match else None
