"""Whether platform staff uploaded a file. Of earlier uploads, what their uploaders are now stands for what they were."""

from django.db import migrations, models

FROM_THE_UPLOADERS = """
UPDATE usage_upload upload SET by_platform_staff = administrator.is_platform_staff
FROM billing_administrator administrator
WHERE administrator.id = upload.uploaded_by_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0005_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="by_platform_staff",
            field=models.BooleanField(
                default=True,
                editable=False,
                help_text="Whether the uploader was platform staff at the time; so is the command line.",
            ),
        ),
        migrations.RunSQL(FROM_THE_UPLOADERS, migrations.RunSQL.noop),
    ]
