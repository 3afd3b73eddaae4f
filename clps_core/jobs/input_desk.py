"""Where one person brings inputs for trained models: ``data.kept_inputs`` behind the policy. Start at InputDesk."""

from __future__ import annotations

from pathlib import Path

from clps_core.data.kept_inputs import UNLIMITED, Kept, Room
from clps_core.data.kept_pictures import keep_picture
from clps_core.data.kept_sounds import keep_sound
from clps_core.errors import NotAllowedError
from clps_core.policy import OPERATOR, Person, Policy, nobody

__all__ = ["InputDesk"]


class InputDesk:
    """Where ``person`` (``None``: somebody who cannot be told from others) brings inputs to ``home``."""

    def __init__(self, home: Path, policy: Policy, person: Person | None, unknown: str | None = None) -> None:
        self.home, self.policy, self.person, self.unknown = home, policy, person, unknown or nobody()

    def keep_sound(self, content: bytes) -> Kept:
        """Keep the sound of a WAV file as one of theirs; raises ``DataError``, or ``NotAllowedError`` for nobody."""
        return keep_sound(self.home, self._owner(), content, self._room())

    def keep_picture(self, content: bytes) -> Kept:
        """Keep the picture of a file as one of theirs; raises as ``keep_sound``."""
        return keep_picture(self.home, self._owner(), content, self._room())

    def _owner(self) -> str:
        if self.person is None and self.policy.shared:
            raise NotAllowedError(self.unknown)
        return (self.person or OPERATOR).owner

    def _room(self) -> Room:
        if not self.policy.bound(self.person):
            return UNLIMITED
        return Room(self.policy.quotas.inputs, self.policy.server.inputs)
