"""Entities: the users and devices that log in to the platform being billed."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from billing.models import Account, Administrator, UploadedModel


class EntityKind(models.TextChoices):
    USER = "user", "user"
    DEVICE = "device", "device"


class EntityQuerySet(models.QuerySet["Entity"]):
    def visible_to(self, administrator: Administrator) -> Self:
        """Return the entities of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))


class EntityManager(models.Manager["Entity"]):
    """The manager of all entities, or of those of one kind."""

    def __init__(self, kind: EntityKind | None = None) -> None:
        super().__init__()
        self.kind = kind

    def get_queryset(self) -> EntityQuerySet:
        entities = EntityQuerySet(self.model, using=self._db)
        return entities if self.kind is None else entities.filter(kind=self.kind)

    def visible_to(self, administrator: Administrator) -> EntityQuerySet:
        """Return the entities of the accounts that the administrator may see."""
        return self.get_queryset().visible_to(administrator)


class Entity(UploadedModel):
    """A user, known by e-mail address, or a device, known by its device ID; its identifier is unique in its account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entities")
    kind = models.CharField(max_length=6, choices=EntityKind.choices)
    identifier = models.CharField(max_length=255, db_collation="C")
    name = models.CharField(max_length=255, blank=True)
    division = models.CharField(max_length=255, blank=True)

    objects: ClassVar[EntityManager] = EntityManager()

    class Meta:
        verbose_name_plural = "entities"
        ordering = ["identifier"]
        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="entity_id_stands_with_its_account"),
            # The identifier leads: the same index answers a search across accounts.
            models.UniqueConstraint(
                fields=["identifier", "account"],
                name="entity_identifier_is_unique_in_account",
                violation_error_message="The account has a user or device with this identifier.",
            ),
            models.CheckConstraint(condition=Q(kind__in=["user", "device"]), name="entity_is_a_user_or_a_device"),
            models.CheckConstraint(
                condition=~Q(kind="user") | Q(identifier=Lower("identifier")), name="user_email_is_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.identifier


class User(Entity):
    """The customer's person who logs in to the platform."""

    objects: ClassVar[EntityManager] = EntityManager(EntityKind.USER)

    class Meta:
        proxy = True


class Device(Entity):
    """A phone or appliance that logs in to the platform."""

    objects: ClassVar[EntityManager] = EntityManager(EntityKind.DEVICE)

    class Meta:
        proxy = True
