"""How groups of commands behave. Start at Sentences."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from clps_core.cli.output import print_error, say
from clps_core.errors import ClpsError
from clps_core.words import _

__all__ = ["FileOrCommand", "Sentences"]


class Sentences(TyperGroup):
    """Tells every foreseen error in one sentence and ends with its exit code; says of every switch that it is off."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        _say_that_switches_are_off(self)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ClpsError as error:
            print_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            # The reader (head, less) has gone; Python would complain again when it flushes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno is None:
                raise
            print_error(_os_sentence(error))
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            say(_("Interrupted."))
            raise typer.Exit(130) from None


def _say_that_switches_are_off(command: Any) -> None:
    """Typer says the default of an option with a value only."""
    for option in command.params:
        switch = isinstance(option, TyperOption) and option.is_flag and not option.secondary_opts
        if switch and not option.default and not isinstance(option.show_default, str) and not option.is_eager:
            option.show_default = _("off")
    for one in getattr(command, "commands", {}).values():
        _say_that_switches_are_off(one)


def _os_sentence(error: OSError) -> str:
    what = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        return _("the disk is full. Free some space, or set CLPS_HOME to a folder on another disk.")
    return f"{what}: {error.filename}" if error.filename else what


class FileOrCommand(TyperGroup):
    """``clps sweep FILE`` is ``clps sweep start FILE``: what is no command of the group is a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, with ``start`` put in where no command is named."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["start", *args]
        return super().parse_args(ctx, args)
