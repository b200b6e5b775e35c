"""One module for each family of operations, one method for each operation of the contract (its docstring names it).

The source of every parameter is Hellotext's API reference, unless a docstring says "help site", "inferred name" or
"contract". Amounts are :class:`~django_hellotext.api.Money` or Decimal in major units, times are aware datetimes, IDs
are texts. Every method can raise TypeError or ValueError naming an argument before anything is sent, and any
:class:`~django_hellotext.exceptions.ApiError`; what a docstring adds under "Raises" is what the operation itself
gives reason for.
"""

from __future__ import annotations
