from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recovery', '0019_unverified_and_factor'),
    ]

    operations = [
        migrations.AlterField(
            model_name='recoveryticket',
            name='source',
            field=models.CharField(choices=[('form', 'Public form'), ('staff', 'Staff'), ('shell', 'Shell'), ('issue', 'Issue tracker')], max_length=8, verbose_name='how it came in'),
        ),
    ]
