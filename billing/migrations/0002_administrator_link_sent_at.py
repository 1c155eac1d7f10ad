from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='administrator',
            name='link_sent_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
