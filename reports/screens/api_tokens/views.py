"""API tokens: the list of one's own, and the pages that create one, show it once, and revoke it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import Account, Administrator, ApiToken
from billing.models.api_tokens import AlreadyIssuedError, TokenState, TooManyTokensError
from reports.screens.access import administrator_of, permitted_administrator, screen
from reports.screens.api_tokens.forms import TokenForm
from ui.formatting import day_text, moment_text

PER_PAGE = 25
MADE_ALREADY = (
    "This form was already submitted, and its token was created then. A token is shown only once: if you did not copy "
    "it, revoke it and create another."
)
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenCard:
    """A token as the list shows it; `account` is the one it is restricted to, if its owner can still see that."""

    token: ApiToken
    account: Account | None
    now: datetime

    @property
    def state(self) -> str:
        return self.token.state(self.now).value

    @property
    def slug(self) -> str:
        """Return the state as a CSS class."""
        return self.token.state(self.now).name.lower().replace("_", "-")

    @property
    def is_usable(self) -> bool:
        """Return whether the token can still be revoked."""
        return self.token.is_usable(self.now)

    @property
    def accounts(self) -> str:
        if self.token.account_id is None:
            return "All my accounts, including future ones"
        return str(self.account) if self.account else "An account that you can no longer see"

    @property
    def access(self) -> str:
        return "Read only" if self.token.is_read_only else "Read and request"

    @property
    def last_used(self) -> str:
        used = self.token.last_used_at
        return "Never" if used is None else moment_text(used, self.now.date())

    @property
    def ended(self) -> tuple[str, str]:
        """Return the heading for the token's last day, and the day."""
        state = self.token.state(self.now)
        if state is TokenState.REVOKED and self.token.revoked_at is not None:
            return "Revoked", day_text(self.token.revoked_at.date())
        return "Expires", day_text(self.token.last_day)


def cards(tokens: Iterable[ApiToken], administrator: Administrator, now: datetime) -> list[TokenCard]:
    """Return cards of an administrator's tokens, with the accounts now visible to them; runs one query."""
    tokens = list(tokens)
    restricted = {token.account_id for token in tokens if token.account_id is not None}
    visible: Mapping[int, Account] = Account.objects.visible_to(administrator).in_bulk(restricted)
    return [TokenCard(token, visible.get(token.account_id or 0), now) for token in tokens]


@require_safe
def api_tokens(request: HttpRequest) -> HttpResponse:
    """List one's own tokens: first those that work, then those that have ended, latest first."""
    administrator = permitted_administrator(request)
    is_over = ExpressionWrapper(Q(revoked_at__isnull=False) | Q(expires_at__lte=Now()), BooleanField())
    own = ApiToken.objects.visible_to(administrator).annotate(is_over=is_over).order_by("is_over", "-created_at", "-pk")
    page = Paginator(own, PER_PAGE).get_page(request.GET.get("page"))
    return screen(
        request,
        "api_tokens.html",
        title="API tokens",
        page=page,
        cards=cards(page.object_list, administrator, timezone.now()),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def api_token_new(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST, create the token and show it in this response, the only one that ever does."""
    administrator = permitted_administrator(request)
    accounts = Account.objects.visible_to(administrator)
    posted = request.POST if request.method == "POST" else None
    form = TokenForm(posted, accounts=accounts, today=timezone.now().date())
    if request.method == "POST" and form.is_valid():
        try:
            return _created(request, administrator, form)
        except IntegrityError:
            form.full_clean()  # the account was deleted in the meantime: the form finds out, too
            if form.is_valid():
                form.add_error(None, "This was not saved: something has changed in the meantime. Try again.")
        except TooManyTokensError as error:
            form.add_error(None, str(error))
        except AlreadyIssuedError:
            messages.warning(request, MADE_ALREADY)
            return HttpResponseRedirect(reverse("account_settings:api-tokens"))
    status = 422 if request.method == "POST" else 200
    return screen(request, "api_token_new.html", status=status, title="New API token", form=form)


def _created(request: HttpRequest, administrator: Administrator, form: TokenForm) -> HttpResponse:
    wanted = {name: form.cleaned_data[name] for name in ("name", "expires_at", "account", "is_read_only", "form_key")}
    token, secret = ApiToken.objects.issue(administrator=administrator, **wanted)
    logger.info("api_token_created", api_token=token.pk, name=token.name, account=token.account_id)
    (card,) = cards([token], administrator, timezone.now())
    command = f'curl -H "Authorization: Bearer {secret}" {request.build_absolute_uri(reverse("api:root"))}'
    return screen(request, "api_token_made.html", title="New API token", card=card, secret=secret, command=command)


@require_http_methods(["GET", "HEAD", "POST"])
def api_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for confirmation; on POST, revoke the token. Another administrator's token is a 404 for everyone."""
    token: ApiToken = get_object_or_404(ApiToken.objects.visible_to(administrator_of(request)), pk=pk)
    administrator = permitted_administrator(request)
    if request.method != "POST":
        (card,) = cards([token], administrator, timezone.now())
        return screen(request, "api_token_revoke.html", title="Revoke API token", card=card)
    if token.revoke():
        logger.info("api_token_revoked", api_token=token.pk, name=token.name)
        messages.success(request, f"The token “{token}” was revoked and no longer works.")
    else:
        messages.info(request, f"The token “{token}” had already been revoked.")
    return HttpResponseRedirect(reverse("account_settings:api-tokens"))
