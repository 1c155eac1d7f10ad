"""Data versions, which tell whether data has changed since an earlier look."""

from collections.abc import Collection

from django.db import connection, models

from billing.models.accounts import Account

# An account of None stands for the tables that all accounts share; it comes first.
_MAKE = """
INSERT INTO billing_dataversion (account_id, version) SELECT id, 0 FROM unnest(%s::bigint[]) AS id
ORDER BY id NULLS FIRST ON CONFLICT DO NOTHING
"""
_HOLD_ALONE = "SELECT 1 FROM billing_dataversion WHERE account_id IS NULL FOR NO KEY UPDATE"
_HOLD_SHARED = "SELECT 1 FROM billing_dataversion WHERE account_id IS NULL FOR SHARE"
_HOLD = "SELECT 1 FROM billing_dataversion WHERE account_id = ANY(%s) ORDER BY account_id FOR UPDATE"
_BUMP = """
INSERT INTO billing_dataversion (account_id, version) SELECT id, 1 FROM unnest(%s::bigint[]) AS id
ORDER BY id NULLS FIRST
ON CONFLICT (account_id) DO UPDATE SET version = billing_dataversion.version + 1
"""


class DataVersionQuerySet(models.QuerySet["DataVersion"]):
    """Sets of data versions. Locks are taken in one order: the shared row first, then the accounts by ID."""

    def hold(self, account_ids: Collection[int]) -> None:
        """Block writes to these accounts and to the shared tables until this transaction ends.

        Waits for transactions that are writing. The lock on the shared tables is shared, those on accounts exclusive.
        """
        accounts = list(account_ids)
        with connection.cursor() as cursor:
            # One round trip, but each statement has its own snapshot, taken after the earlier ones have waited.
            cursor.execute(f"{_MAKE};{_HOLD_SHARED};{_MAKE};{_HOLD}", [[None], accounts, accounts])

    def hold_alone(self) -> None:
        """Block writes to the shared tables, and the holders of any account, until this transaction ends."""
        with connection.cursor() as cursor:
            cursor.execute(f"{_MAKE};{_HOLD_ALONE}", [[None]])

    def bump(self, *account_ids: int | None) -> None:
        """Record that this transaction changes the data of these accounts; None stands for the shared tables.

        Call it before writing the first row, so that it waits for holders without holding any lock that they need.
        """
        with connection.cursor() as cursor:
            cursor.execute(_BUMP, [list(account_ids)])

    def of(self, account_ids: Collection[int] | None = None) -> str:
        """Return the versions of the shared tables and of these accounts (None: all), as one text to compare later."""
        # Version 0 belongs to a row that was only made to be locked.
        versions = self.filter(version__gt=0).order_by(models.F("account_id").asc(nulls_first=True))
        if account_ids is not None:
            versions = versions.filter(models.Q(account=None) | models.Q(account__in=account_ids))
        pairs = versions.values_list("account_id", "version")
        return ",".join(f"{account_id or ''}:{version}" for account_id, version in pairs)


class DataVersion(models.Model):
    """A number that grows with every change to an account's data, or (account: null) to the shared tables.

    It changes in the transaction that writes the data, so a snapshot shows both or neither.
    """

    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE, db_index=False, related_name="+")
    version = models.BigIntegerField(default=0)

    objects = models.Manager.from_queryset(DataVersionQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["account"], nulls_distinct=False, name="data_version_is_one_for_each_account"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account or 'shared tables'}: {self.version}"
