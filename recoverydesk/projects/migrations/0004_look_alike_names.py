"""An index by what a project's name looks like, for names somebody could be taken in by."""

from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Replace

LOOK = Replace(
    Replace(
        Replace(Replace(F("normalized_name"), Value("-"), Value("")), Value("l"), Value("1")), Value("i"), Value("1")
    ),
    Value("o"),
    Value("0"),
)


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_held_roles")]

    operations = [migrations.AddIndex(model_name="project", index=models.Index(LOOK, name="project_look_alike"))]
