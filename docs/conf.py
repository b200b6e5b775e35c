"""Sphinx configuration. Everything that the code knows is read from the code; see ``_ext/hellotext_docs.py``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import django  # noqa: E402
from django.conf import settings  # noqa: E402

from django_hellotext import __version__  # noqa: E402

# Enough of Django to import the package: autodoc reads the docstrings of modules that use models.
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_hellotext"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

project = "django-hellotext"
author = "The django-hellotext contributors"
project_copyright = f"{author}, MIT licence"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "hellotext_docs", "hellotext_adapters"]
exclude_patterns = ["_build", "_ext", "_diagrams"]
source_suffix = {".md": "markdown"}
language = "en_GB"
smartquotes_action = "D"  # dashes alone: the docstrings speak of "" and mean it

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 110
add_module_names = False
toc_object_entries = False
highlight_language = "python"
pygments_style = "friendly"
pygments_dark_style = "native"

html_theme = "furo"
html_title = f"django-hellotext {release}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#9a3412", "color-brand-content": "#9a3412"},
    "dark_css_variables": {"color-brand-primary": "#fdba74", "color-brand-content": "#fdba74"},
    "footer_icons": [],
}
