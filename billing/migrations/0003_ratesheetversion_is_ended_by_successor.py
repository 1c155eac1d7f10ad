from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0002_administrator_link_sent_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='ratesheetversion',
            name='is_ended_by_successor',
            field=models.BooleanField(default=False, editable=False),
        ),
    ]
