"""Copes with standard streams that are missing, closed, full or limited."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import os
import sys
import typing as t

import click


def is_terminal(stream: t.TextIO | None) -> bool:
    """Return whether a stream exists, is open, and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


@contextlib.contextmanager
def failing_in_one_line(
    state: str = "What the command has changed stays changed.",
) -> cabc.Iterator[None]:
    """Turn a failed write to standard output into an error of one line.

    If the reader of a pipe has closed it, click ends the command without a message.

    :param state: a sentence about what was changed.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        discard(sys.stdout)
        raise click.ClickException(
            f"Standard output cannot be written to: {error.strerror or error}. {state}"
        ) from error


def discard(stream: t.TextIO) -> None:
    """Discard the buffer of a stream that cannot be written to, and all later output.

    Otherwise Python tries to write it again at exit, and exits with 120:
    https://docs.python.org/3/library/sys.html#sys.exit
    """
    with contextlib.suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def encodable(text: str, stream: t.TextIO) -> str:
    """Return a text with question marks for the characters a stream cannot encode."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding, stream.errors or "strict")
    except UnicodeEncodeError:
        return text.encode(encoding, "replace").decode(encoding)
    return text
