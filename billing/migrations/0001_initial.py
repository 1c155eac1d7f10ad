import billing.models.rate_sheets
import billing.tenancy
import django.contrib.postgres.constraints
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
from decimal import Decimal
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name='RateSheet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(db_collation='C', max_length=255, unique=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Administrator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(error_messages={'unique': 'There is an administrator with this address.'}, max_length=254, unique=True, verbose_name='e-mail address')),
                ('name', models.CharField(blank=True, max_length=255)),
                ('is_active', models.BooleanField(default=True, help_text='Clear it instead of deleting the administrator.', verbose_name='active')),
                ('is_platform_staff', models.BooleanField(default=False, help_text='Sees every account; may do there what their permissions say.', verbose_name='platform staff')),
                ('joined_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('link_sent_at', models.DateTimeField(editable=False, null=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'ordering': ['email'],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(db_collation='C', help_text='What uploads name it by.', max_length=255, unique=True)),
                ('name', models.CharField(max_length=255)),
            ],
            options={
                'ordering': ['name', 'code'],
                'constraints': [models.CheckConstraint(condition=models.Q(('code', ''), _negated=True), name='account_has_code', violation_error_message='An account needs a code.')],
            },
        ),
        migrations.CreateModel(
            name='Charge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(db_collation='C', max_length=255, unique=True)),
                ('basis', models.CharField(choices=[('named', 'named'), ('concurrent', 'concurrent'), ('hourly', 'hourly'), ('device', 'device')], max_length=10)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('basis__in', ['named', 'concurrent', 'hourly', 'device'])), name='charge_has_known_basis', violation_error_message='The basis is named, concurrent, hourly or device.')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='billing.account')),
                ('administrator', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['account__name'],
            },
        ),
        migrations.AddField(
            model_name='administrator',
            name='accounts',
            field=models.ManyToManyField(related_name='administrators', through='billing.Membership', to='billing.account'),
        ),
        migrations.CreateModel(
            name='RateSheetVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effective_from', models.DateField()),
                ('effective_through', models.DateField(blank=True, help_text='The last day; empty: until further notice.', null=True)),
                ('is_ended_by_successor', models.BooleanField(default=False, editable=False)),
                ('currency', models.CharField(max_length=3)),
                ('increment_seconds', models.PositiveIntegerField(default=6, help_text='Every started block of seconds counts.')),
                ('minimum_seconds', models.PositiveIntegerField(default=0, help_text='The first so many seconds are one block.')),
                ('rate_sheet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='billing.ratesheet')),
            ],
            options={
                'ordering': ['rate_sheet__name', '-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(db_collation='C', max_length=255, unique=True)),
                ('activation_date', models.DateField()),
                ('ended_on', models.DateField(blank=True, help_text='The last day of the contract; empty: it goes on.', null=True)),
                ('currency', models.CharField(max_length=3)),
                ('cycle_policy', models.CharField(choices=[('through_anniversary', 'A cycle runs through the monthly anniversary'), ('before_anniversary', 'The next cycle starts on the monthly anniversary')], default='through_anniversary', max_length=20)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='billing.account')),
                ('rate_sheet', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='billing.ratesheet')),
            ],
            options={
                'ordering': ['number'],
                'permissions': [('all_permissions', 'Billing > All Permissions')],
            },
        ),
        migrations.CreateModel(
            name='TelcoCommitDiscount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('percent', models.DecimalField(decimal_places=4, max_digits=7)),
                ('effective_from', models.DateField(blank=True, null=True)),
                ('effective_through', models.DateField(blank=True, null=True)),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.account')),
                ('subscription', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='telco_commit_discounts', to='billing.subscription')),
            ],
            options={
                'verbose_name': 'Telco Commit discount',
                'ordering': ['effective_from'],
            },
        ),
        migrations.CreateModel(
            name='UsageGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(db_collation='C', max_length=255)),
                ('display_name', models.CharField(max_length=255)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='usage_groups', to='billing.ratesheetversion')),
            ],
            options={
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='Rate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('call_type', models.CharField(db_collation='C', max_length=255)),
                ('direction', models.CharField(choices=[('Inbound', 'Inbound'), ('Outbound', 'Outbound')], max_length=8)),
                ('rate_per_minute', models.DecimalField(decimal_places=6, max_digits=16)),
                ('usage_group', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rates', to='billing.usagegroup')),
            ],
            options={
                'ordering': ['usage_group__code', 'call_type', 'direction'],
            },
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('administrator', 'account'), name='administrator_is_member_once', violation_error_message='The administrator is a member of this account already.'),
        ),
        migrations.AddConstraint(
            model_name='administrator',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='administrator_email_is_lower_case', violation_error_message='E-mail addresses are kept in lower case.'),
        ),
        migrations.AddConstraint(
            model_name='administrator',
            constraint=models.CheckConstraint(condition=models.Q(('is_superuser', False), ('is_platform_staff', True), _connector='OR'), name='superuser_is_platform_staff', violation_error_message='A superuser is platform staff.'),
        ),
        migrations.AddConstraint(
            model_name='ratesheetversion',
            constraint=models.UniqueConstraint(fields=('rate_sheet', 'effective_from'), name='rate_sheet_version_starts_once'),
        ),
        migrations.AddConstraint(
            model_name='ratesheetversion',
            constraint=models.CheckConstraint(condition=models.Q(('effective_through__isnull', True), ('effective_through__gte', models.F('effective_from')), _connector='OR'), name='rate_sheet_version_ends_after_start', violation_error_message='The version ends before it starts.'),
        ),
        migrations.AddConstraint(
            model_name='ratesheetversion',
            constraint=models.CheckConstraint(condition=models.Q(('increment_seconds__gte', 1)), name='rate_sheet_increment_is_positive', violation_error_message='The increment is at least one second.'),
        ),
        migrations.AddConstraint(
            model_name='ratesheetversion',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='rate_sheet_currency_is_a_code', violation_error_message='The currency is a code of three capital letters, such as USD.'),
        ),
        migrations.AddConstraint(
            model_name='ratesheetversion',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('rate_sheet', '='), (billing.models.rate_sheets.InclusiveDays('effective_from', 'effective_through'), '&&')], name='rate_sheet_versions_do_not_overlap', violation_error_message='Another version of this sheet is in force on some of these days.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(fields=('account', 'id'), name='subscription_id_stands_with_its_account'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('ended_on__isnull', True), ('ended_on__gte', models.F('activation_date')), _connector='OR'), name='subscription_ends_after_activation', violation_error_message='The subscription ends before its activation.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('cycle_policy__in', ['through_anniversary', 'before_anniversary'])), name='subscription_has_known_cycle_policy', violation_error_message='The cycle policy is through_anniversary or before_anniversary.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='subscription_currency_is_a_code', violation_error_message='The currency is a code of three capital letters, such as USD.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(deferrable=models.Deferrable['IMMEDIATE'], expressions=[('account', '='), (billing.models.rate_sheets.InclusiveDays('activation_date', 'ended_on'), '&&')], name='subscriptions_of_an_account_do_not_overlap', violation_error_message='The account has another subscription on some of these days.'),
        ),
        migrations.AddConstraint(
            model_name='telcocommitdiscount',
            constraint=billing.tenancy.SameAccountForeignKey(field='subscription', name='discount_is_for_a_subscription_of_its_account'),
        ),
        migrations.AddConstraint(
            model_name='telcocommitdiscount',
            constraint=models.CheckConstraint(condition=models.Q(('percent__gte', Decimal('0')), ('percent__lte', Decimal('100'))), name='discount_is_a_percentage', violation_error_message='The discount is a percentage from 0 to 100.'),
        ),
        migrations.AddConstraint(
            model_name='telcocommitdiscount',
            constraint=models.CheckConstraint(condition=models.Q(('effective_from__isnull', True), ('effective_through__isnull', True), ('effective_through__gte', models.F('effective_from')), _connector='OR'), name='discount_ends_after_start', violation_error_message='The discount ends before it starts.'),
        ),
        migrations.AddConstraint(
            model_name='telcocommitdiscount',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('subscription', '='), (billing.models.rate_sheets.InclusiveDays('effective_from', 'effective_through'), '&&')], name='discounts_of_a_subscription_do_not_overlap', violation_error_message='The subscription has another discount on some of these days.'),
        ),
        migrations.AddConstraint(
            model_name='usagegroup',
            constraint=models.UniqueConstraint(fields=('version', 'code'), name='usage_group_stands_once_on_a_version'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.UniqueConstraint(fields=('usage_group', 'call_type', 'direction'), name='rate_stands_once_on_a_version', violation_error_message='This version has a rate for the usage group, call type and direction already.'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(('direction__in', ['Inbound', 'Outbound'])), name='rate_direction_is_inbound_or_outbound'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(('rate_per_minute__gte', 0), models.Q(('rate_per_minute', django.db.models.functions.comparison.Cast(models.Value('NaN'), models.DecimalField(decimal_places=6, max_digits=24))), _negated=True)), name='rate_is_a_finite_amount', violation_error_message='The rate is a number, 0 or more.'),
        ),
    ]
