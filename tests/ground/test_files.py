"""Files are replaced in one step, or left as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from django_hellotext.files import PRIVATE, replace_file


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(folder, b"content", mode=PRIVATE)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_is_missing_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "nowhere" / "file", b"content", mode=PRIVATE)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_left_where_it_is(tmp_path: Path) -> None:
    """So that a worker of root does not replace a device such as ``/dev/null``."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="Not a regular file"):
        replace_file(pipe, b"content", mode=PRIVATE)
    assert pipe.is_fifo()
