"""Who owns a run on a shared server: names that nobody can make up. No torch, no streamlit. Start at Signer.

A visitor's cookie is ``v1.<owner>.<signature>``: a random owner, signed (HMAC-SHA256) with a secret that lies
in ``CLPS_HOME``, readable by its owner only. Whoever logs in has an owner made from their checked address in
the same way, so that the address itself stands in no run, export or page of another person.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
from pathlib import Path

from clps_core.errors import StoreError
from clps_core.files import open_given, parsed_json
from clps_core.store.connection import sentences
from clps_core.words import _

__all__ = ["COOKIE", "Signer", "plain_address", "short_name"]

COOKIE = "clps_owner"
SECRET_FILE = "owner.secret"  # noqa: S105  # a file's name
TEACHERS_FILE = "teachers.json"
LARGEST_FILE = 1 << 20
SECRET_BYTES = 32
MOST_TEACHERS = 200
_GUEST = re.compile(r"guest-[0-9a-f]{32}")


class Signer:
    """Makes and checks the names of owners of one home. Create it with ``of_home``."""

    def __init__(self, secret: bytes, home: Path) -> None:
        self._secret, self._home = secret, home

    @classmethod
    def of_home(cls, home: Path) -> Signer:
        """With the secret of ``home``, which is made if there is none; ``StoreError`` where that cannot be."""
        path = home / SECRET_FILE
        with sentences(home):
            if not path.exists():
                _make_secret(path)
            with open_given(path, limit=LARGEST_FILE) as file:
                secret = file.read(LARGEST_FILE)
        if len(secret) != SECRET_BYTES:
            raise StoreError(
                _(
                    "{path} must have {wanted} bytes. Got {got}. Remove it: a new one will be made, and visitors "
                    "will get new names.",
                    path=path,
                    wanted=SECRET_BYTES,
                    got=len(secret),
                )
            )
        return cls(secret, home)

    def new_cookie(self) -> str:
        """The cookie of a visitor who was never here."""
        owner = f"guest-{secrets.token_hex(16)}"
        return f"v1.{owner}.{self._sign('cookie', owner)}"

    def owner_of_cookie(self, cookie: str | None) -> str | None:
        """The owner whose cookie this is; ``None`` for anything that we did not sign."""
        version, _dot, rest = (cookie or "")[:200].partition(".")
        owner, _dot, signature = rest.partition(".")
        if version != "v1" or not _GUEST.fullmatch(owner) or not signature.isascii():
            return None
        return owner if hmac.compare_digest(signature, self._sign("cookie", owner)) else None

    def owner_of_address(self, address: str) -> str:
        """The owner of everybody who logs in with this address: always the same one."""
        return f"login-{self._sign('address', plain_address(address))[:32]}"

    def signature(self, purpose: str, text: str) -> str:
        """64 hexadecimal digits that only this home can make: of ``text`` said for ``purpose``, a constant of ours."""
        return self._sign(purpose, text)

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._secret, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()

    # Visitors who have shown the teacher's code: kept here, so that no cookie can claim it

    def appoint(self, owner: str, code_hash: str) -> None:
        """Remember that ``owner`` knew the code with this hash; another code forgets them all."""
        with sentences(self._home):
            kept = [*self._appointed(), self._sign(code_hash, owner)][-MOST_TEACHERS:]
            _write(self._home / TEACHERS_FILE, json.dumps(kept).encode())

    def is_appointed(self, owner: str, code_hash: str | None) -> bool:
        """Whether ``owner`` has shown this code."""
        if code_hash is None:
            return False
        wanted = self._sign(code_hash, owner)
        return any(hmac.compare_digest(wanted, one) for one in self._appointed())

    def dismiss(self, owner: str, code_hash: str) -> None:
        """Forget that ``owner`` is a teacher."""
        gone = self._sign(code_hash, owner)
        with sentences(self._home):
            kept = [one for one in self._appointed() if one != gone]
            _write(self._home / TEACHERS_FILE, json.dumps(kept).encode())

    def _appointed(self) -> list[str]:
        # Signed with the hash of the code: after a new code the old lines fit nobody.
        with contextlib.suppress(OSError, ValueError):
            with open_given(self._home / TEACHERS_FILE, limit=LARGEST_FILE) as file:
                found = parsed_json(file.read(LARGEST_FILE))
            if isinstance(found, list):
                return [one for one in found if isinstance(one, str) and one.isascii()]
        return []


def short_name(owner: str) -> str:
    """An owner as pages call them: enough to tell the people of a classroom apart."""
    kind, _dash, rest = owner.partition("-")
    if kind not in ("guest", "login"):
        return _("the server")
    return _("guest {letters}", letters=rest[:4]) if kind == "guest" else _("user {letters}", letters=rest[:4])


def plain_address(address: str) -> str:
    """An address as it is compared. Letters beyond ASCII stay: in lower case some of them would be an ASCII letter."""
    return "".join(char.lower() if char.isascii() else char for char in address.strip())


def _make_secret(path: Path) -> None:
    """All at once or not at all, and the first of several makers wins."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".teachers-")  # 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(name).replace(path)
