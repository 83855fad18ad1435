"""Staff release no roles any more (ADR 0119). The table stays for the release before, which still writes it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recovery", "0015_sign_in_is_a_doubt")]

    operations = [
        # Without these constraints nothing that a later release does to tickets is held up by a table it does not know.
        migrations.AlterField(
            model_name="releaseword",
            name="ticket",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="release_words",
                to="recovery.recoveryticket",
            ),
        ),
        migrations.AlterField(
            model_name="releaseword",
            name="by",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                to="accounts.user",
            ),
        ),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="ReleaseWord")]),
    ]
