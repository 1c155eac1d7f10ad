from django.db import migrations

# Versions lose their currency to their sheet, and undo compares rows with the journal. An upload that changed the
# currency of a version keeps what the journal says, and so can no longer be undone.
_FORWARDS = """
UPDATE usage_uploadchange SET before = before - 'currency', after = after - 'currency'
WHERE relation = 'billing_ratesheetversion' AND (before IS NULL OR after IS NULL
    OR before ->> 'currency' IS NOT DISTINCT FROM after ->> 'currency')
"""
_BACKWARDS = """
UPDATE usage_uploadchange change
SET before = jsonb_build_object('currency', sheet.currency) || change.before,
    after = jsonb_build_object('currency', sheet.currency) || change.after
FROM billing_ratesheet sheet
WHERE change.relation = 'billing_ratesheetversion'
    AND sheet.id = (coalesce(change.after, change.before) ->> 'rate_sheet_id')::bigint
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0006_rate_sheet_currency'),
        ('usage', '0008_composed_addresses'),
    ]

    operations = [
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
