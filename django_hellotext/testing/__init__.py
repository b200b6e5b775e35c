"""For the tests of projects that use this package."""

from __future__ import annotations

from ..delivery.explain import Explanation, explain
from .conformance import AdapterConformance, assert_conforms, problems_of

__all__ = ["AdapterConformance", "Explanation", "assert_conforms", "explain", "problems_of"]
