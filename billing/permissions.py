"""The permissions that open reports, those that customers can hold, and their names on screens."""

ALL_PERMISSIONS = "billing.all_permissions"
REPORT_PERMISSIONS = frozenset({ALL_PERMISSIONS, "billing.add_subscription", "billing.view_subscription"})
"""Any of these opens the Subscription screen and the reports of one's accounts."""

CUSTOMER_PERMISSIONS = REPORT_PERMISSIONS | {"usage.add_upload"}
"""All that a customer's administrator can hold; anything else that was granted to them has no effect."""

PERMISSION_WORDS = {
    ALL_PERMISSIONS: "Billing > All Permissions",
    "billing.add_subscription": "Billing > Subscription > Add",
    "billing.view_subscription": "Billing > Subscription > View",
    "usage.add_upload": "Usage > Upload > Add",
}
"""The names of permissions on screens."""
