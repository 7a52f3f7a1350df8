"""The one place where errors become lines on stderr and exit codes."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from mcbook.cli import output
from mcbook.errors import McbookError, did_you_mean, is_wrong_path

INTERRUPTED = 130
USAGE = 2
DEBUG = "--debug"


class Group(TyperGroup):
    """A group of commands whose errors are shown as ``error:`` and ``hint:``."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; a mistyped one is answered with the nearest that there is."""
        command = super().get_command(ctx, cmd_name)
        if command is None and not cmd_name.startswith("-"):
            tell(f"there is no command {cmd_name!r}", did_you_mean(cmd_name, self.commands))
            raise typer.Exit(USAGE)
        return command

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run the program and exit; ``--debug`` may stand anywhere on the line."""
        given = list(sys.argv[1:] if args is None else args)
        debug = DEBUG in given
        words = [word for word in given if word != DEBUG]
        sys.exit(self._run(words, debug=debug, prog_name=extra.get("prog_name")))

    def call(self, words: Sequence[str]) -> int:
        """Run a command inside another one: return its exit code, and let its errors through."""
        code = super().main(list(words), standalone_mode=False)
        return code if isinstance(code, int) else 0

    def _run(self, words: list[str], *, debug: bool, prog_name: str | None) -> int:
        """Return the exit code of one run."""
        try:
            code = super().main(words, prog_name, standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read our output has gone, which is no error worth a word.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:  # noqa: BLE001  nothing may end in a traceback unasked
            if debug:
                traceback.print_exc()
            return _answer(error)
        if code == INTERRUPTED:
            tell("interrupted", None)
        return code if isinstance(code, int) else 0


def tell(message: str, hint: str | None) -> None:
    """Print an error and its hint on stderr, paths below this folder without the folder."""
    typer.echo(f"error: {output.from_here(message)}", err=True)
    if hint:
        typer.echo(f"hint: {hint}", err=True)


def _answer(error: Exception) -> int:
    """Show an error and return its exit code."""
    if isinstance(error, McbookError):
        tell(error.message, error.hint)
        return error.exit_code
    if hasattr(error, "format_message"):  # typer's own usage errors
        return _answer_usage(error)
    if isinstance(error, OSError) and error.filename is not None:
        tell(f"{error.filename}: {error.strerror}", None)
        return USAGE if is_wrong_path(error) else 1
    text = " ".join(str(error).split()) or "no more is known"
    tell(f"unexpected {type(error).__name__}: {text}", f"{DEBUG} shows where it happened")
    return 1


def _answer_usage(error: Any) -> int:
    """Show a usage error in the words of mcbook."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    hint = f"`{context.command_path} --help` shows what it takes" if context else None
    option = getattr(error, "option_name", None)
    if option and getattr(error, "possibilities", None) is not None:
        message = f"there is no option {option}"
        hint = did_you_mean(option, error.possibilities) or hint
    tell(message[:1].lower() + message[1:], hint)
    return USAGE
