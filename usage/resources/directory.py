"""The kinds that stand alone: accounts, charges, resources, and who or what logs in."""

from collections.abc import Iterable
from typing import ClassVar

from psycopg import sql

from billing.models import Account, Charge
from usage.models import Device, EntityKind, Resource, User
from usage.resources.base import Check, UploadResource, sentence
from usage.resources.batches import Batch
from usage.resources.columns import AccountReference, Column
from usage.resources.formats import Choice, Email, Identifier


class AccountResource(UploadResource):
    """Customer organizations."""

    code = Column(Identifier(), attribute="code", example="EXAMPLE-1")
    name = Column(attribute="name", example="Example Contact Centers")

    class Meta:
        model = Account
        fields = export_order = ("code", "name")
        import_id_fields = ("code",)


class ChargeResource(UploadResource):
    """Licence types."""

    name = Column(attribute="name", title="Charge Name", example="Example Named")
    basis = Column(Choice(*Charge.Basis.values), attribute="basis", example="named")

    class Meta:
        model = Charge
        fields = export_order = ("name", "basis")
        import_id_fields = ("name",)


class ResourceResource(UploadResource):
    """Billable things consumed by quantity."""

    name = Column(attribute="name", title="Resource", example="Example SMS")
    unit = Column(attribute="unit", example="message")

    class Meta:
        model = Resource
        fields = export_order = ("name", "unit")
        import_id_fields = ("name",)


class EntityResource(UploadResource):
    """What users and devices share: one table, in which an identifier of an account stands once."""

    belongs_to_account = True
    kind: ClassVar[EntityKind]

    account = AccountReference()

    def checks(self, batch: Batch) -> Iterable[Check]:
        yield from super().checks(batch)
        # The identifier's column is the last of the natural key: account, identifier.
        yield Check(
            self._meta.import_id_fields[-1],
            sql.SQL("old.kind <> {}").format(sql.Literal(self.kind.value)),
            sentence("The account has a {} with this identifier.", sql.SQL("old.kind")),
        )


class UserResource(EntityResource):
    """The customer's people."""

    kind = EntityKind.USER
    constants = {"kind": EntityKind.USER.value}

    email = Column(Email(), attribute="identifier", title="User", example="ana@example.com")
    name = Column(attribute="name", optional=True, default="", example="Ana Pérez")
    division = Column(attribute="division", optional=True, default="", example="Sales")

    class Meta:
        model = User
        fields = export_order = ("account", "email", "name", "division")
        import_id_fields = ("account", "email")


class DeviceResource(EntityResource):
    """Phones and appliances."""

    kind = EntityKind.DEVICE
    constants = {"kind": EntityKind.DEVICE.value, "division": ""}

    device_id = Column(Identifier(), attribute="identifier", example="example-desk-1")
    name = Column(attribute="name", optional=True, default="", example="Front desk")

    class Meta:
        model = Device
        fields = export_order = ("account", "device_id", "name")
        import_id_fields = ("account", "device_id")
