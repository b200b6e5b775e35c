"""What an installation of the app puts into a shop's environment: no package that is not the distribution's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# Top-level names that belong to no library: a shop's own package of that name would be hidden or overwritten.
STRAY = frozenset(
    {"benchmark", "benchmarks", "build", "demo", "dist", "doc", "docs", "example", "examples", "scripts", "src"}
    | {"t", "test", "tests", "tools", "util", "utils"}
)
# Import packages that more than one distribution provides. Installing the second overwrites the first.
PROVIDERS = {
    "attr": {"attr", "attrs"},
    "Crypto": {"pycrypto", "pycryptodome"},
    "cv2": {"opencv-python", "opencv-python-headless", "opencv-contrib-python"},
    "docx": {"docx", "python-docx"},
    "dotenv": {"dotenv", "python-dotenv"},
    "jose": {"jose", "python-jose"},
    "jwt": {"jwt", "pyjwt"},
    "magic": {"filemagic", "python-magic"},
    "memcache": {"python-memcached", "python3-memcached"},
    "MySQLdb": {"mysql-python", "mysqlclient"},
    "phonenumbers": {"phonenumbers", "phonenumberslite"},
    "psycopg2": {"psycopg2", "psycopg2-binary"},
    "slugify": {"awesome-slugify", "python-slugify", "unicode-slugify"},
}


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def core() -> list[str]:
    return list(project()["dependencies"])


def extras() -> list[str]:
    return [requirement for group in project()["optional-dependencies"].values() for requirement in group]


def installed(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Return the distributions that ``requirements`` bring, with all that these need. Missing extras are left out."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += [Requirement(text) for text in found[name].requires or ()]
    return found


def top_level(one: Distribution) -> set[str]:
    """Return the importable top-level names that ``one`` installs, from its list of files."""
    names = set()
    for file in one.files or ():
        first = file.parts[0]
        if len(file.parts) > 1 and "." not in first and first != "__pycache__":
            names.add(first)
        elif len(file.parts) == 1 and file.suffix in (".py", ".so", ".pyd"):
            names.add(first.partition(".")[0])
    return names


@pytest.fixture(scope="module")
def owners() -> dict[str, set[str]]:
    """The names of the distributions in this environment that install a top-level name."""
    found: dict[str, set[str]] = {}
    for one in distributions():
        for name in top_level(one):
            found.setdefault(name, set()).add(canonicalize_name(one.metadata["Name"]))
    return found


def test_every_core_dependency_is_looked_at() -> None:
    found = installed(core())
    assert {canonicalize_name(Requirement(text).name) for text in core()} <= found.keys()
    assert {"asgiref", "sqlparse", "urllib3"} <= found.keys()
    assert [name for name, one in found.items() if not top_level(one)] == []


def test_no_dependency_installs_a_stray_top_level_package() -> None:
    found = {name: top_level(one) & STRAY for name, one in installed([*core(), *extras()]).items()}
    assert {name: stray for name, stray in found.items() if stray} == {}


def test_no_two_distributions_of_this_environment_install_one_package(owners: dict[str, set[str]]) -> None:
    ours = {name for one in installed([*core(), *extras()]).values() for name in top_level(one)}
    assert {name: owners[name] for name in ours if len(owners[name]) > 1} == {}


def test_no_core_dependency_can_overwrite_a_package_that_a_shop_has() -> None:
    """A package that two distributions provide may only be an extra: the shop then chooses."""
    overwriting = {name: top_level(one) & PROVIDERS.keys() for name, one in installed(core()).items()}
    assert {name: packages for name, packages in overwriting.items() if packages} == {}


def test_phonenumbers_is_the_only_extra_that_can_overwrite_one() -> None:
    overwriting = {name: top_level(one) & PROVIDERS.keys() for name, one in installed(extras()).items()}
    assert set().union(*overwriting.values()) <= {"phonenumbers"}
