"""``python -m ecommerce_core``: the command line."""

from __future__ import annotations

import errno
import os
import sys

# A full disk, a closed terminal. Of files of ours, errors of their own are told.
_OUTPUT_ERRORS = {errno.ENOSPC, errno.EIO, errno.EBADF}


def main() -> None:
    """Run a command. What interrupts it, or cannot be written, ends it with one line."""
    try:
        # Here, since importing takes a moment in which somebody may press Ctrl-C.
        from ecommerce_core.cli import cli  # noqa: PLC0415

        try:
            cli(prog_name="python -m ecommerce_core")
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit("Aborted!")
    except OSError as error:
        if error.filename is not None or error.errno not in _OUTPUT_ERRORS:
            raise
        # Nothing may be left that is written at the very end, which would be told, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"the output cannot be written: {error.strerror}")


if __name__ == "__main__":
    main()
