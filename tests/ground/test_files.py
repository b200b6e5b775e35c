"""Files are replaced in one step, or left as they were."""

from __future__ import annotations

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
