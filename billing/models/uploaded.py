"""The upload from which a row came."""

from django.db import models


class UploadedModel(models.Model):
    """A row that uploads write, and that names the upload that last wrote it."""

    # No foreign key: uploads are in a higher layer, and a key would cost a look-up for each of a million rows.
    upload_id = models.UUIDField(
        "upload",
        null=True,
        blank=True,
        editable=False,
        db_index=True,
        help_text="The upload that last wrote the row; empty if it was entered by hand.",
    )

    class Meta:
        abstract = True
