"""The screens under Account settings: subscriptions, reports, comparisons, API tokens and webhooks."""
