"""``python -m demo``: the shop, its worker and an emulated Hellotext on one machine, and a journey through them.

Run it in the folder ``example_project``. The environment decides: ``HELLOTEXT_BASE_URL``,
``HELLOTEXT_API_TOKEN``, ``HELLOTEXT_BUSINESS_ID``, ``HELLOTEXT_JS_URL``, ``DATABASE_URL``, ``DEMO_SEND``, ``EXIT``,
``DEMO_SHOP_PORT``, ``DEMO_HELLOTEXT_PORT``, ``SHOP_VAR``.
"""

from __future__ import annotations
