"""Each running demo has a database of its own."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from demo.children import Children
from demo.folder import Folder, choose_folder
from demo.options import Refusal

from tests.example.test_demo_processes import SHOP


@contextmanager
def another_demo(var: Path) -> Iterator[None]:
    """A process that has locked ``var`` as a demo does."""
    program = (
        "import os; from demo.folder import choose_folder\n"
        "kept = choose_folder(os.environ); print(kept.path, flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=SHOP,
        env={"SHOP_VAR": str(var)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(var)
        try:
            yield
        finally:
            process.kill()


def chosen(**environment: str) -> Folder:
    folder = choose_folder(environment)
    folder.lock.close()
    return folder


def test_a_demo_beside_another_keeps_its_own_shop_and_says_so(tmp_path: Path) -> None:
    with another_demo(tmp_path):
        folder = chosen(SHOP_VAR=str(tmp_path))
        assert folder.path == tmp_path / "2"
        assert folder.notes() == [f"A demo runs here already: this one keeps its own shop in {tmp_path / '2'}."]
        with another_demo(tmp_path / "2"):
            assert chosen(SHOP_VAR=str(tmp_path)).path == tmp_path / "3"


def test_what_a_demo_keeps_is_for_its_user_alone(tmp_path: Path) -> None:
    folder = chosen(SHOP_VAR=str(tmp_path / "var"))
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "demo.lock").stat().st_mode) == 0o600


def test_a_demo_writes_through_no_symbolic_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    var = tmp_path / "var"
    var.mkdir()
    (var / "demo.lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        chosen(SHOP_VAR=str(var))
    (var / "shop.log").symlink_to(victim)
    with Children(folder=SHOP, logs=var, environment={}) as children, pytest.raises(OSError, match="symbolic links"):
        children.start("shop", "manage.py", "version")
    assert victim.read_text() == "precious"


def test_the_next_demo_has_the_usual_folder_again_even_after_a_kill(tmp_path: Path) -> None:
    with another_demo(tmp_path):
        pass
    folder = chosen(SHOP_VAR=str(tmp_path))
    assert folder.path == tmp_path
    assert folder.notes() == []


def test_two_demos_do_not_share_a_database_that_was_named(tmp_path: Path) -> None:
    with another_demo(tmp_path), pytest.raises(Refusal, match="Ctrl-C"):
        chosen(SHOP_VAR=str(tmp_path), DATABASE_URL="postgres://shop@127.0.0.1/shop")
