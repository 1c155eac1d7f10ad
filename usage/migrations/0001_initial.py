import billing.tenancy
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import usage.models.uploads
import uuid
from decimal import Decimal
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
            name='Resource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(db_collation='C', max_length=255, unique=True)),
                ('unit', models.CharField(max_length=255)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Entity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('user', 'user'), ('device', 'device')], max_length=6)),
                ('identifier', models.CharField(db_collation='C', max_length=255)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('division', models.CharField(blank=True, max_length=255)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entities', to='billing.account')),
            ],
            options={
                'verbose_name_plural': 'entities',
                'ordering': ['identifier'],
            },
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
            ],
            options={
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('usage.entity',),
        ),
        migrations.CreateModel(
            name='User',
            fields=[
            ],
            options={
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('usage.entity',),
        ),
        migrations.CreateModel(
            name='LoginSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('session_id', models.CharField(db_collation='C', max_length=255, verbose_name='session ID')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('billable', models.BooleanField(default=True)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='login_sessions', to='billing.account')),
                ('charge', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='login_sessions', to='billing.charge')),
                ('entity', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='login_sessions', to='usage.entity')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Allowance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.DecimalField(decimal_places=6, max_digits=20)),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='allowances', to='billing.charge')),
                ('resource', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allowances', to='usage.resource')),
            ],
            options={
                'ordering': ['resource__name'],
            },
        ),
        migrations.CreateModel(
            name='ResourceUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('used_on', models.DateField(verbose_name='day')),
                ('quantity', models.DecimalField(decimal_places=6, max_digits=20)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='resource_usage', to='billing.account')),
                ('resource', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='usage', to='usage.resource')),
            ],
            options={
                'verbose_name_plural': 'resource usage',
                'ordering': ['-used_on', 'resource__name'],
            },
        ),
        migrations.CreateModel(
            name='Upload',
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
                ('kind', models.CharField(choices=[('accounts', 'Accounts'), ('charges', 'Charges'), ('rates', 'Rates'), ('subscriptions', 'Subscriptions'), ('users', 'Users'), ('devices', 'Devices'), ('sessions', 'Login sessions'), ('resources', 'Resources'), ('resource_usage', 'Resource usage'), ('calls', 'Calls')], max_length=20)),
                ('file', models.FileField(max_length=255, upload_to=usage.models.uploads.upload_file_name)),
                ('file_name', models.CharField(help_text='The name the file came with.', max_length=255)),
                ('skip_errors', models.BooleanField(default=False, verbose_name='leave out rows in error')),
                ('rows', models.PositiveBigIntegerField(editable=False, null=True)),
                ('rows_new', models.PositiveBigIntegerField(editable=False, null=True, verbose_name='new')),
                ('rows_changed', models.PositiveBigIntegerField(editable=False, null=True, verbose_name='changed')),
                ('rows_unchanged', models.PositiveBigIntegerField(editable=False, null=True, verbose_name='unchanged')),
                ('rows_in_error', models.PositiveBigIntegerField(editable=False, null=True, verbose_name='in error')),
                ('errors_file', models.FileField(blank=True, editable=False, max_length=255, upload_to='')),
                ('account', models.ForeignKey(blank=True, help_text='Whose data the file holds; leave it empty when the file names accounts in a column of its own.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='billing.account')),
                ('requested_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-requested_at'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Call',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sip_call_id', models.CharField(db_collation='C', max_length=255, verbose_name='SIP call ID')),
                ('origin', models.CharField(max_length=255)),
                ('destination', models.CharField(max_length=255)),
                ('usage_group', models.CharField(db_collation='C', max_length=255)),
                ('call_type', models.CharField(db_collation='C', max_length=255)),
                ('direction', models.CharField(choices=[('Inbound', 'Inbound'), ('Outbound', 'Outbound')], max_length=8)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('rate_per_minute', models.DecimalField(blank=True, decimal_places=6, max_digits=16, null=True)),
                ('adjusted_seconds', models.BigIntegerField(blank=True, null=True)),
                ('cost', models.DecimalField(blank=True, decimal_places=4, max_digits=24, null=True)),
                ('currency', models.CharField(blank=True, max_length=3, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='calls', to='billing.account')),
                ('rate_sheet_version', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='calls', to='billing.ratesheetversion')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['account', 'started_at', 'sip_call_id'], name='call_in_report_order'), models.Index(condition=models.Q(('rate_per_minute__isnull', True)), fields=['account', 'started_at'], name='call_unrated')],
                'constraints': [models.UniqueConstraint(fields=('sip_call_id', 'account'), name='sip_call_id_is_unique_in_account'), models.CheckConstraint(condition=models.Q(('direction__in', ['Inbound', 'Outbound'])), name='call_direction_is_inbound_or_outbound'), models.CheckConstraint(condition=models.Q(('ended_at__gte', models.F('started_at'))), name='call_ends_after_start', violation_error_message='The call ends before it starts.'), models.CheckConstraint(condition=models.Q(('started_at__gt', django.db.models.functions.comparison.Cast(models.Value('-infinity'), models.DateTimeField())), ('ended_at__lt', django.db.models.functions.comparison.Cast(models.Value('infinity'), models.DateTimeField()))), name='call_has_finite_instants'), models.CheckConstraint(condition=models.Q(models.Q(('adjusted_seconds__isnull', True), ('cost__isnull', True), ('currency__isnull', True), ('rate_per_minute__isnull', True)), models.Q(('adjusted_seconds__gte', 0), ('cost__gte', 0), ('currency__isnull', False), ('rate_per_minute__gte', 0), ('rate_sheet_version__isnull', False)), _connector='OR'), name='call_is_rated_in_full_or_not_at_all'), models.CheckConstraint(condition=models.Q(models.Q(('rate_per_minute', django.db.models.functions.comparison.Cast(models.Value('NaN'), models.DecimalField(decimal_places=6, max_digits=24))), _negated=True), models.Q(('cost', django.db.models.functions.comparison.Cast(models.Value('NaN'), models.DecimalField(decimal_places=6, max_digits=24))), _negated=True)), name='call_has_finite_amounts')],
            },
        ),
        migrations.AddConstraint(
            model_name='entity',
            constraint=models.UniqueConstraint(fields=('account', 'id'), name='entity_id_stands_with_its_account'),
        ),
        migrations.AddConstraint(
            model_name='entity',
            constraint=models.UniqueConstraint(fields=('identifier', 'account'), name='entity_identifier_is_unique_in_account', violation_error_message='The account has a user or device with this identifier.'),
        ),
        migrations.AddConstraint(
            model_name='entity',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['user', 'device'])), name='entity_is_a_user_or_a_device'),
        ),
        migrations.AddConstraint(
            model_name='entity',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'user'), _negated=True), ('identifier', django.db.models.functions.text.Lower('identifier')), _connector='OR'), name='user_email_is_lower_case'),
        ),
        migrations.AddIndex(
            model_name='loginsession',
            index=models.Index(fields=['account', 'started_at'], name='login_session_by_start'),
        ),
        migrations.AddIndex(
            model_name='loginsession',
            index=models.Index(fields=['account', 'ended_at'], name='login_session_by_end'),
        ),
        migrations.AddIndex(
            model_name='loginsession',
            index=models.Index(fields=['entity', 'started_at'], name='login_session_of_entity'),
        ),
        migrations.AddConstraint(
            model_name='loginsession',
            constraint=billing.tenancy.SameAccountForeignKey(field='entity', name='login_session_is_of_an_entity_of_its_account'),
        ),
        migrations.AddConstraint(
            model_name='loginsession',
            constraint=models.UniqueConstraint(fields=('session_id', 'account'), name='session_id_is_unique_in_account'),
        ),
        migrations.AddConstraint(
            model_name='loginsession',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('started_at')), _connector='OR'), name='login_session_ends_after_start', violation_error_message='The session ends before it starts.'),
        ),
        migrations.AddConstraint(
            model_name='loginsession',
            constraint=models.CheckConstraint(condition=models.Q(('started_at__gt', django.db.models.functions.comparison.Cast(models.Value('-infinity'), models.DateTimeField())), ('started_at__lt', django.db.models.functions.comparison.Cast(models.Value('infinity'), models.DateTimeField())), models.Q(('ended_at__isnull', True), ('ended_at__lt', django.db.models.functions.comparison.Cast(models.Value('infinity'), models.DateTimeField())), _connector='OR')), name='login_session_has_finite_instants'),
        ),
        migrations.AddConstraint(
            model_name='allowance',
            constraint=models.UniqueConstraint(fields=('charge', 'resource'), name='charge_has_one_allowance_of_a_resource', violation_error_message='The charge has an allowance of this resource already.'),
        ),
        migrations.AddConstraint(
            model_name='allowance',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', Decimal('0')), models.Q(('quantity', django.db.models.functions.comparison.Cast(models.Value('NaN'), models.DecimalField(decimal_places=6, max_digits=24))), _negated=True)), name='allowance_is_a_finite_amount'),
        ),
        migrations.AddConstraint(
            model_name='resourceusage',
            constraint=models.UniqueConstraint(fields=('account', 'used_on', 'resource'), name='resource_is_used_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='resourceusage',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', Decimal('0')), models.Q(('quantity', django.db.models.functions.comparison.Cast(models.Value('NaN'), models.DecimalField(decimal_places=6, max_digits=24))), _negated=True)), name='resource_usage_is_a_finite_amount'),
        ),
        migrations.AddConstraint(
            model_name='resourceusage',
            constraint=models.CheckConstraint(condition=models.Q(('used_on__gt', django.db.models.functions.comparison.Cast(models.Value('-infinity'), models.DateField())), ('used_on__lt', django.db.models.functions.comparison.Cast(models.Value('infinity'), models.DateField()))), name='resource_usage_is_on_a_finite_day'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['requested_at'], name='upload_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='upload',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'succeeded', 'failed', 'cancelled'])), name='upload_has_known_state'),
        ),
        migrations.AddConstraint(
            model_name='upload',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', False), _connector='OR'), name='upload_running_has_a_lease'),
        ),
        migrations.AddConstraint(
            model_name='upload',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('state__in', ['succeeded', 'failed', 'cancelled'])), models.Q(('finished_at__isnull', True), ('state__in', ['queued', 'running'])), _connector='OR'), name='upload_is_finished_or_not'),
        ),
        migrations.AddConstraint(
            model_name='upload',
            constraint=models.CheckConstraint(condition=models.Q(('file_name', ''), _negated=True), name='upload_has_a_file_name'),
        ),
    ]
