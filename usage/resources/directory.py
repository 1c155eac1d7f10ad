"""The kinds of master data: accounts, charges, resources, users and devices."""

from collections.abc import Iterable
from typing import ClassVar

from psycopg import sql

from billing.models import Account, Charge
from usage.models import Device, EntityKind, Resource, User
from usage.resources.base import Check, UploadResource, sentence
from usage.resources.batches import Batch
from usage.resources.columns import AccountReference, UploadColumn
from usage.resources.formats import Choice, Email, Identifier, Name


class AccountResource(UploadResource):
    code = UploadColumn(Identifier(), attribute="code", example="EXAMPLE-1")
    name = UploadColumn(attribute="name", example="Example Contact Centers")

    class Meta:
        model = Account
        fields = export_order = ("code", "name")
        import_id_fields = ("code",)


class ChargeResource(UploadResource):
    name = UploadColumn(Name(), attribute="name", title="Charge Name", example="Example Named")
    basis = UploadColumn(Choice(*Charge.Basis.values), attribute="basis", example="named")

    class Meta:
        model = Charge
        fields = export_order = ("name", "basis")
        import_id_fields = ("name",)


class ResourceResource(UploadResource):
    name = UploadColumn(Name(), attribute="name", title="Resource", example="Example SMS")
    unit = UploadColumn(attribute="unit", example="message")

    class Meta:
        model = Resource
        fields = export_order = ("name", "unit")
        import_id_fields = ("name",)


class EntityResource(UploadResource):
    """Users and devices: they share one table, in which an identifier is unique in its account."""

    belongs_to_account = True
    kind: ClassVar[EntityKind]

    account = AccountReference()

    def checks(self, batch: Batch) -> Iterable[Check]:
        yield from super().checks(batch)
        # The identifier is the last column of the natural key.
        yield Check(
            self._meta.import_id_fields[-1],
            sql.SQL("old.kind <> {}").format(sql.Literal(self.kind.value)),
            sentence("The account has a {} with this identifier.", sql.SQL("old.kind")),
        )


class UserResource(EntityResource):
    kind = EntityKind.USER
    constants = {"kind": EntityKind.USER.value}

    email = UploadColumn(Email(), attribute="identifier", title="User", example="ana@example.com")
    name = UploadColumn(attribute="name", optional=True, default="", example="Ana Pérez")
    division = UploadColumn(attribute="division", optional=True, default="", example="Sales")

    class Meta:
        model = User
        fields = export_order = ("account", "email", "name", "division")
        import_id_fields = ("account", "email")


class DeviceResource(EntityResource):
    kind = EntityKind.DEVICE
    constants = {"kind": EntityKind.DEVICE.value, "division": ""}

    device_id = UploadColumn(Identifier(), attribute="identifier", example="example-desk-1")
    name = UploadColumn(attribute="name", optional=True, default="", example="Front desk")

    class Meta:
        model = Device
        fields = export_order = ("account", "device_id", "name")
        import_id_fields = ("account", "device_id")
