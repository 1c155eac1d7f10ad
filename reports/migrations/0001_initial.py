import billing.tenancy
import django.db.models.deletion
import django.db.models.functions.datetime
import reports.models.report_jobs
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('billing', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ReportJob',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('succeeded', 'succeeded'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', editable=False, max_length=9)),
                ('attempt', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('fence', models.PositiveIntegerField(default=0, editable=False)),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('requested_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('published_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, null=True)),
                ('started_at', models.DateTimeField(editable=False, null=True)),
                ('finished_at', models.DateTimeField(editable=False, null=True)),
                ('rows_done', models.PositiveBigIntegerField(default=0, editable=False)),
                ('rows_expected', models.PositiveBigIntegerField(editable=False, null=True)),
                ('failure', models.TextField(blank=True, editable=False, help_text='What happened and what to do, as a sentence.')),
                ('report_type', models.CharField(choices=reports.models.report_jobs.report_type_choices, max_length=50)),
                ('format', models.CharField(default='csv', max_length=20)),
                ('date_from', models.DateField()),
                ('date_through', models.DateField()),
                ('requested_on', models.DateField(editable=False, help_text='The day (UTC) of the request: sessions still open are cut at the end of the day before.')),
                ('file', models.FileField(blank=True, editable=False, max_length=255, upload_to='')),
                ('file_bytes', models.PositiveBigIntegerField(editable=False, null=True)),
                ('file_sha256', models.CharField(blank=True, editable=False, max_length=64, verbose_name='SHA-256')),
                ('file_rows', models.PositiveBigIntegerField(editable=False, null=True)),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='report_jobs', to='billing.account')),
                ('requested_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('subscription', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='report_jobs', to='billing.subscription')),
            ],
            options={
                'ordering': ['-requested_at'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['requested_at'], name='reportjob_unfinished'), models.Index(fields=['subscription', '-requested_at'], name='report_job_recent')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'succeeded', 'failed', 'cancelled'])), name='reportjob_has_known_state'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', False), _connector='OR'), name='reportjob_running_has_a_lease'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('state__in', ['succeeded', 'failed', 'cancelled'])), models.Q(('finished_at__isnull', True), ('state__in', ['queued', 'running'])), _connector='OR'), name='reportjob_is_finished_or_not'), billing.tenancy.SameAccountForeignKey(field='subscription', name='report_job_is_on_a_subscription_of_its_account'), models.CheckConstraint(condition=models.Q(('date_through__gte', models.F('date_from'))), name='report_job_range_begins_before_it_ends', violation_error_message='The range begins after it ends.'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'succeeded'), _negated=True), models.Q(('file_bytes__isnull', False), ('file_rows__isnull', False), models.Q(('file_sha256', ''), _negated=True)), _connector='OR'), name='report_job_succeeds_with_a_file')],
            },
        ),
    ]
