"""``clps policy``: what holds on this server, and a hash of a teacher's code. Start at show."""

from __future__ import annotations

import sys

from clps_core.cli.output import print_json, print_lines, say
from clps_core.errors import ConfigError
from clps_core.policy import hash_code, policy_path, read_policy
from clps_core.store import default_home
from clps_core.words import _

__all__ = ["make_code", "show"]


def show(*, as_json: bool) -> None:
    """The policy in force, without the hash of the code; raises ``ConfigError`` where its file is none."""
    path = policy_path(default_home())
    policy = read_policy(default_home())
    facts = {"path": str(path), "exists": path.is_file(), **policy.model_dump(mode="json")}
    facts["teacher_code"] = policy.teacher_code is not None
    if not policy.shared:
        for name in ("quotas", "server", "proxies"):
            del facts[name]
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            print_lines(name, *(f"  {key:14} {amount}" for key, amount in value.items()))
        else:
            print_lines(f"{name:16} {value}")


def make_code() -> None:
    """Read a code, hidden on a terminal, and print the line for the policy file."""
    if sys.stdin.isatty():
        import typer

        code = typer.prompt(_("The teachers' code"), hide_input=True, confirmation_prompt=True, err=True)
    else:
        code = sys.stdin.readline(2048).rstrip("\r\n")
    if not code:
        raise ConfigError(_("a code must be typed, or read from standard input. Got nothing."))
    print_lines(f"teacher_code: {hash_code(code)}")
    say(_("Put this line into {path}. The code itself is not stored.", path=policy_path(default_home())))
