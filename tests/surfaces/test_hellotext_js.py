"""``manage.py hellotext_js``: only the library itself is installed, and the settings to write are printed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_hellotext import js
from django_hellotext.conf import hellotext_settings

LIBRARY = b"/* stand-in */ window.Hellotext = {cookie: 'hello_session'};"
INTEGRITY = "sha384-" + base64.b64encode(hashlib.sha384(LIBRARY).digest()).decode()


@pytest.fixture
def static(tmp_path: Path, settings: Any) -> Path:
    """The project's folder for static files."""
    folder = tmp_path / "static"
    folder.mkdir()
    settings.STATICFILES_DIRS = [folder]
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The downloaded package, unpacked."""
    dist = tmp_path / "package" / "dist"
    dist.mkdir(parents=True)
    (dist / "hellotext.js").write_bytes(LIBRARY)
    (dist / "webchat-emoji.js").write_text("emoji")
    (dist / "hellotext.js.LICENSE.txt").write_text("licence")
    (dist / "other.js").write_text("not the library's")
    written(dist, js.VERSION)
    return dist


def written(dist: Path, version: str, name: str = "@hellotext/hellotext") -> None:
    (dist.parent / "package.json").write_text(json.dumps({"name": name, "version": version}))


def run(*arguments: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("hellotext_js", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_is_installed_through_no_symbolic_link_and_for_everybody(static: Path, package: Path) -> None:
    place = static / "hellotext" / js.VERSION
    place.mkdir(parents=True)
    victim = static / "victim"
    victim.write_text("precious")
    for name in ("hellotext.js", "webchat-emoji.js"):
        (place / name).symlink_to(victim)
    before = os.umask(0o022)
    try:
        run(package / "hellotext.js")
    finally:
        os.umask(before)
    assert victim.read_text() == "precious"
    assert {stat.S_IMODE(path.lstat().st_mode) for path in place.iterdir()} == {0o644}


def test_the_library_is_installed_with_what_it_loads_by_itself(static: Path, package: Path) -> None:
    out, err = run(package / "hellotext.js")
    place = static / "hellotext" / js.VERSION
    assert (place / "hellotext.js").read_bytes() == LIBRARY
    assert {path.name for path in place.iterdir()} == {"hellotext.js", "webchat-emoji.js", "hellotext.js.LICENSE.txt"}
    assert err == ""
    assert f'"JS_URL": "/static/hellotext/{js.VERSION}/hellotext.js",' in out
    assert f'"JS": {{"integrity": "{INTEGRITY}"}},' in out


def test_what_is_printed_can_be_written_into_the_settings(static: Path, package: Path, settings: Any) -> None:
    out, _ = run(package / "hellotext.js")
    settings.HELLOTEXT = eval("{" + out.partition("HELLOTEXT:")[2] + "}")  # noqa: S307 - what a person would paste
    assert hellotext_settings.problems() == []
    assert hellotext_settings.JS["integrity"] == INTEGRITY


def test_a_second_time_changes_nothing(static: Path, package: Path) -> None:
    assert run(package / "hellotext.js") == run(package / "hellotext.js")


def test_a_prefix_of_the_folder_is_part_of_the_address(static: Path, package: Path, settings: Any) -> None:
    settings.STATICFILES_DIRS = [("vendor", static)]
    out, err = run(package / "hellotext.js")
    assert f"/static/vendor/hellotext/{js.VERSION}/hellotext.js" in out
    assert err == ""


def test_the_right_hash_is_accepted_in_both_spellings(static: Path, package: Path) -> None:
    run(package / "hellotext.js", "--sha384", INTEGRITY)
    run(package / "hellotext.js", "--sha384", INTEGRITY.removeprefix("sha384-"))


def test_another_hash_installs_nothing(static: Path, package: Path) -> None:
    with pytest.raises(CommandError, match="nothing was installed"):
        run(package / "hellotext.js", "--sha384", "A" * 64)
    assert list(static.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"window.Hellotext = 1"])
def test_a_file_that_is_not_the_library_is_refused(static: Path, package: Path, content: bytes) -> None:
    (package / "hellotext.js").write_bytes(content)
    with pytest.raises(CommandError, match=r"is not Hellotext\.js"):
        run(package / "hellotext.js")
    assert list(static.iterdir()) == []


def test_a_file_that_is_far_too_large_is_refused(static: Path, package: Path) -> None:
    (package / "hellotext.js").write_bytes(LIBRARY + b" " * 6_000_000)
    with pytest.raises(CommandError, match="too large"):
        run(package / "hellotext.js")


@pytest.mark.parametrize("path", ["missing.js", "."])
def test_a_file_that_cannot_be_read_is_named(static: Path, package: Path, path: str) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run(package / path)


@pytest.mark.parametrize("version", ["3.0.0", "2.4.9", "2.5.5/../..", ""])
def test_another_version_is_refused(static: Path, package: Path, version: str) -> None:
    written(package, version)
    with pytest.raises(CommandError, match=f"made for {js.VERSION}"):
        run(package / "hellotext.js")
    assert list(static.iterdir()) == []


def test_a_later_correction_is_installed_and_said(static: Path, package: Path) -> None:
    written(package, "2.5.9")
    out, err = run(package / "hellotext.js")
    assert "/static/hellotext/2.5.9/hellotext.js" in out
    assert "This is version 2.5.9" in err


@pytest.mark.parametrize("spoil", ["another package", "no package.json", "no JSON", "a list"])
def test_a_version_that_is_not_known_is_said(static: Path, package: Path, spoil: str) -> None:
    manifest = package.parent / "package.json"
    if spoil == "another package":
        written(package, "1.0.0", name="left-pad")
    elif spoil == "no package.json":
        manifest.unlink()
    else:
        manifest.write_text("{" if spoil == "no JSON" else "[]")
    out, err = run(package / "hellotext.js")
    assert "/static/hellotext/unknown/hellotext.js" in out
    assert "its version is not known" in err


def test_a_folder_that_django_does_not_serve_is_said(static: Path, package: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    _, err = run(package / "hellotext.js", "--into", elsewhere)
    assert "name it in STATICFILES_DIRS" in err
    assert (elsewhere / "hellotext" / js.VERSION / "hellotext.js").exists()


def test_a_folder_is_needed(package: Path, settings: Any, tmp_path: Path) -> None:
    settings.STATICFILES_DIRS = []
    with pytest.raises(CommandError, match="names no folder"):
        run(package / "hellotext.js")
    with pytest.raises(CommandError, match="is not a folder"):
        run(package / "hellotext.js", "--into", tmp_path / "nowhere")
