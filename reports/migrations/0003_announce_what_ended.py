from django.db import migrations

# Webhooks are told of what ends from now on.
ANNOUNCE_WHAT_ENDED = "UPDATE reports_reportjob SET announced_at = finished_at WHERE finished_at IS NOT NULL"


class Migration(migrations.Migration):

    dependencies = [("reports", "0002_api")]

    operations = [migrations.RunSQL(ANNOUNCE_WHAT_ENDED, migrations.RunSQL.noop)]
