"""Every module can be imported without the libraries that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# The modules that are of no use without a library, and the library. All others import without any of them.
NEEDED = {
    "django_hellotext.rest": "rest_framework",
    "django_hellotext.rest.openapi": "drf_spectacular",
    "django_hellotext.jinja2": "jinja2",
}
IMPORT_EVERYTHING = """
import importlib, importlib.util, json, os, pkgutil, sys
needed, hidden = json.loads(sys.argv[1])
sys.path.append("example_project")
for name in hidden:
    sys.modules[name] = None
missing = {name for name in needed.values() if name in hidden or importlib.util.find_spec(name) is None}
useless = [module for module, library in needed.items() if library in missing]
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
import django_hellotext
for module in pkgutil.walk_packages(django_hellotext.__path__, "django_hellotext.", onerror=lambda name: None):
    if module.name.endswith(".__main__") or any(f"{module.name}.".startswith(f"{name}.") for name in useless):
        continue
    importlib.import_module(module.name)
"""


@pytest.mark.parametrize(
    "hidden",
    [
        (),
        ("celery", "kombu"),
        ("rest_framework",),
        ("drf_spectacular",),
        ("phonenumbers",),
        ("jinja2",),
        ("pytest",),
        ("celery", "kombu", "rest_framework", "drf_spectacular", "phonenumbers", "jinja2", "pytest"),
    ],
    ids=lambda names: "-".join(names) or "nothing hidden",
)
def test_every_module_can_be_imported_without(hidden: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", IMPORT_EVERYTHING, json.dumps([NEEDED, hidden])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
