"""Output on a terminal whose encoding lacks letters: they are escaped, and no command fails."""

import codecs
import io
import sys


def escape_what_is_lacking() -> None:
    """Write letters that the encoding of the output lacks as `\\u2026`; in place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not has_all_letters(stream):
            stream.reconfigure(errors="backslashreplace")


def has_all_letters(stream: object) -> bool:
    """Whether an output can hold every letter; one that is no file can."""
    name = getattr(stream, "encoding", None) or "utf-8"
    return codecs.lookup(name).name.startswith("utf-")
