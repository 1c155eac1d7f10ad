"""The webhooks of an account, their deliveries, and the forms that change them."""
