"""The form for uploading a file: the kind of data, the account, and the file."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from billing.models import Account, Administrator
from ui.formatting import size_text
from usage.models import Upload, UploadKind
from usage.uploads.receive import receive_upload, too_large_text


def kinds_for(administrator: Administrator) -> list[UploadKind]:
    """Return the kinds that the administrator may upload; for a customer, those that belong to an account."""
    return [kind for kind in UploadKind if kind.belongs_to_account or administrator.is_platform_staff]


class UploadForm(forms.Form):
    """A file, its kind, and its account. A customer's administrator uploads only into accounts of theirs."""

    kind = forms.ChoiceField(label="Kind of data")
    account = forms.ModelChoiceField(
        Account.objects.none(),
        required=False,
        empty_label="Named in the file",
        help_text="Leave this as it is if the file names the account of each row in a column.",
    )
    file = forms.FileField(
        label="CSV or XLSX file",
        help_text="With a header row; columns in any order. Millions of rows are fine.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,text/csv"}),
    )
    creates_users = forms.BooleanField(
        label="Create users",
        required=False,
        help_text="Create the users that the login sessions name and that do not exist yet. "
        "Otherwise, such sessions are in error.",
    )

    def __init__(self, *args: Any, administrator: Administrator, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.administrator = administrator
        self._name_the_largest_size()
        kind, account = self.fields["kind"], self.fields["account"]
        if isinstance(kind, forms.ChoiceField) and isinstance(account, forms.ModelChoiceField):
            kind.choices = [(each.value, each.label) for each in kinds_for(administrator)]
            account.queryset = Account.objects.visible_to(administrator)
            if not administrator.is_platform_staff:
                account.required = True
                account.empty_label = "Choose an account"
                account.help_text = "Whose data it is."

    def _name_the_largest_size(self) -> None:
        """Say how large the file may be, also to the script, which then refuses a larger one before it is sent."""
        limit, file = settings.UPLOAD_MAX_BYTES, self.fields["file"]
        if limit:
            file.help_text = f"{file.help_text} At most {size_text(limit)}."
            sentence = too_large_text("{size}", size_text(limit))
            file.widget.attrs |= {"data-max-bytes": str(limit), "data-too-large": sentence}

    def received(self) -> Upload | None:
        """Return the upload, stored and enqueued to be checked; None, with errors on the form, if it was refused."""
        if not self.is_valid():
            return None
        answers = self.cleaned_data
        try:
            return receive_upload(
                administrator=self.administrator,
                kind=UploadKind(answers["kind"]),
                account=answers["account"],
                file=answers["file"],
                creates_users=answers["creates_users"],
            )
        except ValidationError as error:
            self.add_error(None, error)
            return None
