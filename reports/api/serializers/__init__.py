"""What the API answers, and what it takes, field by field.

The context of every serializer of an answer has the `base_url` that addresses begin with: no request is needed.
"""
