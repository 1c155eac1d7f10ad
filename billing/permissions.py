"""The permission words: which of them open reports, and which a customer's administrator can hold at all."""

ALL_PERMISSIONS = "billing.all_permissions"
REPORT_PERMISSIONS = frozenset({ALL_PERMISSIONS, "billing.add_subscription", "billing.view_subscription"})
"""Any of these opens the Subscription screen and the reports of one's accounts."""

CUSTOMER_PERMISSIONS = REPORT_PERMISSIONS | {"usage.add_upload"}
"""All that a customer's administrator can hold: whatever else was granted has no effect for them."""

PERMISSION_WORDS = {
    ALL_PERMISSIONS: "Billing > All Permissions",
    "billing.add_subscription": "Billing > Subscription > Add",
    "billing.view_subscription": "Billing > Subscription > View",
    "usage.add_upload": "Usage > Upload > Add",
}
"""As screens call them."""
