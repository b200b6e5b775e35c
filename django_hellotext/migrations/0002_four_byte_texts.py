from django.db import migrations

from django_hellotext.models.charset import widen


class Migration(migrations.Migration):
    """On MySQL and MariaDB, let our tables hold emoji also in a database whose charset is ``utf8mb3``."""

    atomic = False  # these databases cannot roll back a change of a table

    dependencies = [
        ("django_hellotext", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(widen, migrations.RunPython.noop),
    ]
