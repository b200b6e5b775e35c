"""Every module can be imported without the libraries that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "example_project"
# The modules that are of no use without a library, and the library. All others import without any of them.
NEEDED = {
    "django_hellotext.rest": "rest_framework",
    "django_hellotext.rest.openapi": "drf_spectacular",
    "django_hellotext.jinja2": "jinja2",
}
HIDDEN = [
    [],
    ["celery", "kombu"],
    ["rest_framework"],
    ["drf_spectacular"],
    ["phonenumbers"],
    ["jinja2"],
    ["pytest"],
    ["celery", "kombu", "rest_framework", "drf_spectacular", "phonenumbers", "jinja2", "pytest"],
]
# Each attempt is a fork of a process that has imported Django only, which imports none of these libraries.
IMPORT_EVERYTHING = """
import importlib, importlib.util, json, os, pkgutil, sys, traceback
import django.contrib.admin, django.contrib.staticfiles.finders, django.core.management, django.template, django.urls
import requests

needed, attempts = json.loads(sys.argv[1])
for name in {name for hidden in attempts for name in hidden}:
    assert name not in sys.modules, f"{name} is there before it is hidden"

def attempt(hidden):
    sys.modules.update(dict.fromkeys(hidden))
    missing = {name for name in needed.values() if name in hidden or importlib.util.find_spec(name) is None}
    useless = [module for module, library in needed.items() if library in missing]
    django.setup()
    import django_hellotext
    for module in pkgutil.walk_packages(django_hellotext.__path__, "django_hellotext.", onerror=lambda name: None):
        if module.name.endswith(".__main__") or any(f"{module.name}.".startswith(f"{name}.") for name in useless):
            continue
        importlib.import_module(module.name)

for hidden in attempts:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            attempt(hidden)
            code = 0
        except BaseException:
            print(f"Without {hidden}:", file=sys.stderr)
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status))
"""


def test_every_module_can_be_imported_without_each_library_and_without_all() -> None:
    command = [sys.executable, "-c", IMPORT_EVERYTHING, json.dumps([NEEDED, HIDDEN])]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": f"{ROOT}{os.pathsep}{SHOP}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0"] * len(HIDDEN), done.stderr
