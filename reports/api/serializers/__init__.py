"""Serializers of responses and request bodies.

Every response serializer needs the `base_url` of links in its context, but no request, so webhooks can use them too.
"""
