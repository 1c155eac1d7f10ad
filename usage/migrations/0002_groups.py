"""The two groups that platform staff start with. Superusers may change them; a later migration does not touch them."""

from django.apps import apps as registry
from django.contrib.auth.management import create_permissions
from django.db import migrations

APPLICATIONS = ["billing", "usage"]

# Support looks at everything, and so do operators.
VIEWED = {
    "billing": [
        "account",
        "administrator",
        "membership",
        "charge",
        "subscription",
        "telcocommitdiscount",
        "ratesheet",
        "ratesheetversion",
        "usagegroup",
        "rate",
    ],
    "usage": ["allowance", "call", "device", "entity", "loginsession", "resource", "resourceusage", "upload", "user"],
}
# What operators keep in order by hand; usage comes in by upload alone.
WRITTEN = {
    "billing": [
        "account",
        "charge",
        "subscription",
        "telcocommitdiscount",
        "ratesheet",
        "ratesheetversion",
        "usagegroup",
        "rate",
    ],
    "usage": ["allowance", "resource"],
}


def permissions(apps, wanted):
    Permission = apps.get_model("auth", "Permission")
    found = []
    for app_label, codenames in wanted.items():
        of_app = Permission.objects.filter(content_type__app_label=app_label, codename__in=codenames)
        assert of_app.count() == len(codenames), app_label
        found += of_app
    return found


def viewing():
    return {app_label: [f"view_{model}" for model in models] for app_label, models in VIEWED.items()}


def operating():
    wanted = viewing()
    for app_label, models in WRITTEN.items():
        wanted[app_label] += [f"{action}_{model}" for action in ("add", "change", "delete") for model in models]
    wanted["usage"].append("add_upload")
    wanted["billing"] += ["add_administrator", "change_administrator"]
    return wanted


def make_groups(apps, schema_editor):
    # Django makes permissions only after all migrations have run.
    for app_label in APPLICATIONS:
        create_permissions(registry.get_app_config(app_label), verbosity=0, apps=apps)
    Group = apps.get_model("auth", "Group")
    for name, wanted in {"Operators": operating(), "Support": viewing()}.items():
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.add(*permissions(apps, wanted))


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0001_initial"),
        ("billing", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
