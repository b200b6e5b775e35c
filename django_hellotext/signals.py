"""Signals that django-hellotext sends. They go out with ``send_robust``: a receiver that raises stops nothing."""

from __future__ import annotations

from django.dispatch import Signal

# After a row reached Hellotext. Arguments: sender (the model class), instance (Event or RemoteObject), using (alias).
delivered = Signal()

# After a row was refused for good and waits for a person. Arguments: as above; instance.error_type says why.
failed = Signal()

# After a row was written whose values were adjusted so that it could be sent. Arguments: sender, instance, using as
# above; adjustments (django_hellotext.adjustments.Adjustments).
adjusted = Signal()

# An account stopped sending. Arguments: sender (Account), account (its key), reason (str), using (alias).
paused = Signal()

# An account sends again. Arguments: sender (Account), account (its key), using (alias).
resumed = Signal()
