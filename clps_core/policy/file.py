"""The file of a server's policy. Start at read_policy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from clps_core.config import MAX_YAML_BYTES, plain_from_yaml, validated
from clps_core.errors import ConfigError
from clps_core.files import open_given
from clps_core.policy.rules import LOCAL_POLICY, Policy
from clps_core.words import _

__all__ = ["policy_path", "read_policy"]

FILE_NAME = "policy.yaml"


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
