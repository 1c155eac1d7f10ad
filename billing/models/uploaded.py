"""Where a row came from."""

from django.db import models


class UploadedModel(models.Model):
    """A row that comes in by upload, and knows the upload that last wrote it."""

    # No foreign key: uploads lie above what they bring in, and a key would cost a look-up for each of a million rows.
    upload_id = models.UUIDField(
        "upload",
        null=True,
        blank=True,
        editable=False,
        db_index=True,
        help_text="The upload that last wrote the row; empty: written by hand.",
    )

    class Meta:
        abstract = True
