from django.core.management.base import CommandError
from django.db import migrations, models

import billing.composite_keys

_MIXED_SHEETS = """
SELECT sheet.name, string_agg(DISTINCT version.currency, ' and ' ORDER BY version.currency)
FROM billing_ratesheet sheet JOIN billing_ratesheetversion version ON version.rate_sheet_id = sheet.id
GROUP BY sheet.id HAVING min(version.currency) <> max(version.currency) ORDER BY sheet.name
"""
_OTHER_SUBSCRIPTIONS = """
SELECT subscription.number, subscription.currency, sheet.name, min(version.currency)
FROM billing_subscription subscription JOIN billing_ratesheet sheet ON sheet.id = subscription.rate_sheet_id
JOIN billing_ratesheetversion version ON version.rate_sheet_id = sheet.id
GROUP BY subscription.id, sheet.id
HAVING min(version.currency) = max(version.currency) AND min(version.currency) <> subscription.currency
ORDER BY subscription.number
"""
_MIXED_SUBSCRIPTIONS = """
SELECT sheet.name,
    string_agg(subscription.number || ' in ' || subscription.currency, ', ' ORDER BY subscription.number)
FROM billing_subscription subscription JOIN billing_ratesheet sheet ON sheet.id = subscription.rate_sheet_id
WHERE NOT EXISTS (SELECT FROM billing_ratesheetversion version WHERE version.rate_sheet_id = sheet.id)
GROUP BY sheet.id HAVING min(subscription.currency) <> max(subscription.currency) ORDER BY sheet.name
"""
# XXX is ISO 4217's code for no currency. A sheet without prices and subscriptions keeps it until it is first used.
_MOVE = """
UPDATE billing_ratesheet sheet SET currency = coalesce(
    (SELECT min(version.currency) FROM billing_ratesheetversion version WHERE version.rate_sheet_id = sheet.id),
    (SELECT min(subscription.currency) FROM billing_subscription subscription
        WHERE subscription.rate_sheet_id = sheet.id),
    'XXX'
)
"""
_MOVE_BACK = """
UPDATE billing_ratesheetversion version SET currency = sheet.currency
FROM billing_ratesheet sheet WHERE sheet.id = version.rate_sheet_id
"""
# Files that were checked by the earlier rules are checked again.
_CHECK_AGAIN = "UPDATE billing_dataversion SET version = version + 1 WHERE account_id IS NULL"


def move_to_sheets(apps, schema_editor):
    """Give each sheet the currency of its versions, or stop and name what disagrees."""
    with schema_editor.connection.cursor() as cursor:
        def rows(statement):
            cursor.execute(statement)
            return cursor.fetchall()

        found = [f"rate sheet {name} has versions in {currencies}" for name, currencies in rows(_MIXED_SHEETS)]
        found += [
            f"subscription {number} is in {currency}, but its rate sheet {name} in {other}"
            for number, currency, name, other in rows(_OTHER_SUBSCRIPTIONS)
        ]
        found += [
            f"rate sheet {name} has subscriptions in different currencies ({numbers})"
            for name, numbers in rows(_MIXED_SUBSCRIPTIONS)
        ]
        if found:
            raise CommandError(
                f"A rate sheet now has one currency, which is also that of its subscriptions: {'; '.join(found)}. "
                "Nothing was changed. With the release that ran before, give each of these subscriptions a rate sheet "
                "in its own currency and each of these versions the currency of its sheet, then migrate again."
            )
        cursor.execute(_MOVE)
        cursor.execute(_CHECK_AGAIN)


def move_to_versions(apps, schema_editor):
    """Give each version the currency of its sheet."""
    schema_editor.execute(_MOVE_BACK)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0005_plainer_texts'),
    ]

    operations = [
        migrations.AddField(
            model_name='ratesheet',
            name='currency',
            field=models.CharField(max_length=3, null=True),
        ),
        migrations.RemoveConstraint(
            model_name='ratesheetversion',
            name='rate_sheet_currency_is_a_code',
        ),
        migrations.AlterField(
            model_name='ratesheetversion',
            name='currency',
            field=models.CharField(max_length=3, null=True),
        ),
        migrations.RunPython(move_to_sheets, move_to_versions),
        migrations.AlterField(
            model_name='ratesheet',
            name='currency',
            field=models.CharField(help_text='It cannot change while a subscription has the sheet, or once a call was rated with it.', max_length=3),
        ),
        migrations.RemoveField(
            model_name='ratesheetversion',
            name='currency',
        ),
        migrations.AddConstraint(
            model_name='ratesheet',
            constraint=models.UniqueConstraint(fields=('id', 'currency'), name='rate_sheet_id_stands_with_its_currency'),
        ),
        migrations.AddConstraint(
            model_name='ratesheet',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='rate_sheet_currency_is_a_code', violation_error_message='The currency must be a code of three capital letters, such as USD.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=billing.composite_keys.CompositeForeignKey(field='rate_sheet', name='subscription_has_a_sheet_in_its_currency', shared='currency', violation_error_message="The subscription and its rate sheet are in different currencies. Name a sheet in the subscription's currency, or correct the currency."),
        ),
    ]
