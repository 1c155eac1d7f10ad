from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0003_data_versions'),
        ('reports', '0008_report_requests'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='reportrequest',
            name='report_request_is_one_of_each_who_waits',
        ),
        migrations.RenameModel(old_name='ReportRequest', new_name='JobSubscriber'),
        migrations.RenameField(model_name='jobsubscriber', old_name='requested_at', new_name='subscribed_at'),
        migrations.RenameField(model_name='jobsubscriber', old_name='withdrawn_at', new_name='unsubscribed_at'),
        migrations.AlterModelOptions(
            name='jobsubscriber',
            options={'default_permissions': (), 'ordering': ['subscribed_at']},
        ),
        migrations.AlterField(
            model_name='jobsubscriber',
            name='job',
            field=models.ForeignKey(on_delete=models.deletion.CASCADE, related_name='subscribers', to='reports.reportjob'),
        ),
        migrations.AddConstraint(
            model_name='jobsubscriber',
            constraint=models.UniqueConstraint(fields=('job', 'administrator', 'token'), name='job_subscriber_is_subscribed_once', nulls_distinct=False),
        ),
    ]
