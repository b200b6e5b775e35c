"""A site of its own process: what HELLOTEXT is comes as JSON from the environment, "null" leaves it out."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403 - settings extend settings

_hellotext = json.loads(os.environ["SITE_HELLOTEXT"])
if _hellotext is not None:
    HELLOTEXT = _hellotext
