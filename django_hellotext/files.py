"""Write a file in one step, in a folder where others may write, too."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o666  # less the umask, as for any new file


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Replace ``path`` by a new file with ``content``; raises ``OSError``, also where a device or a pipe is.

    Readers see the old file or the new one. No symbolic link is followed, neither at ``path`` nor at the temporary
    file beside it, whose name cannot be guessed. The new file has ``mode`` from the beginning, also where the old one
    had a wider one.
    """
    with suppress(FileNotFoundError):
        there = path.lstat().st_mode
        if not (stat.S_ISREG(there) or stat.S_ISLNK(there) or stat.S_ISDIR(there)):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    # O_EXCL fails where something has that name, also a link to nowhere.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
