from django.db import migrations

# Uploads look addresses up in Unicode NFC. Where an account knows one user by two forms, both stay as they are.
COMPOSE = """
UPDATE usage_entity known SET identifier = normalize(known.identifier, NFC)
WHERE known.kind = 'user' AND known.identifier IS NOT NFC NORMALIZED
    AND normalize(known.identifier, NFC) = lower(normalize(known.identifier, NFC))
    AND char_length(normalize(known.identifier, NFC)) <= 255
    AND NOT EXISTS (
        SELECT FROM usage_entity other
        WHERE other.account_id = known.account_id AND other.id <> known.id
            AND normalize(other.identifier, NFC) = normalize(known.identifier, NFC)
    )
"""


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0007_plainer_texts'),
    ]

    operations = [
        migrations.RunSQL(COMPOSE, migrations.RunSQL.noop),
    ]
