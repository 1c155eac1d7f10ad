"""The form that takes a file: what it holds, whose data that is, and the file."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.models import Account, Administrator
from usage.models import Upload, UploadKind
from usage.uploads.receive import receive_upload


def kinds_for(administrator: Administrator) -> list[UploadKind]:
    """The kinds that they may upload, given the permission: of a customer's administrator, those of an account."""
    return [kind for kind in UploadKind if kind.belongs_to_account or administrator.is_platform_staff]


class UploadForm(forms.Form):
    """A file, what it holds, and whose data that is. A customer's administrator uploads into their accounts alone."""

    kind = forms.ChoiceField(label="Kind of data")
    account = forms.ModelChoiceField(
        Account.objects.none(),
        required=False,
        empty_label="Named in the file",
        help_text="Whose data it is. Leave it when the file names accounts in a column of its own.",
    )
    file = forms.FileField(
        label="CSV or XLSX file",
        help_text="With a header row; the columns in any order. Files of millions of rows are welcome.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,text/csv"}),
    )
    creates_users = forms.BooleanField(
        label="Create users",
        required=False,
        help_text="Users that the login sessions name and that do not exist yet are created. "
        "Left out, such sessions are in error.",
    )

    def __init__(self, *args: Any, administrator: Administrator, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.administrator = administrator
        kind, account = self.fields["kind"], self.fields["account"]
        if isinstance(kind, forms.ChoiceField) and isinstance(account, forms.ModelChoiceField):
            kind.choices = [(each.value, each.label) for each in kinds_for(administrator)]
            account.queryset = Account.objects.visible_to(administrator)
            if not administrator.is_platform_staff:
                account.required = True
                account.empty_label = "Choose an account"
                account.help_text = "Whose data it is."

    def received(self) -> Upload | None:
        """The upload, stored and about to be checked; None where it is not taken, which the form then says."""
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
