"""API tokens: the list of one's own, the page that makes one and shows it once, and the one that revokes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.contrib import messages
from django.core.paginator import Paginator
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
    "This form was sent before and made its token then. A token is shown once only: if you did not keep it, revoke it "
    "and make another one."
)
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenCard:
    """One token as the list shows it; `account` is the one that it is restricted to, if its owner still sees it."""

    token: ApiToken
    account: Account | None
    now: datetime

    @property
    def state(self) -> str:
        """What became of it, in a word or two."""
        return self.token.state(self.now).value

    @property
    def slug(self) -> str:
        """The same for a style sheet."""
        return self.token.state(self.now).name.lower().replace("_", "-")

    @property
    def is_usable(self) -> bool:
        """Whether there is something to revoke."""
        return self.token.is_usable(self.now)

    @property
    def accounts(self) -> str:
        """What it sees."""
        if self.token.account_id is None:
            return "All that you see"
        return str(self.account) if self.account else "One that you no longer see"

    @property
    def access(self) -> str:
        """What it is good for."""
        return "Read only" if self.token.is_read_only else "Read and request"

    @property
    def last_used(self) -> str:
        """When, to the minute."""
        used = self.token.last_used_at
        return "Never" if used is None else moment_text(used, self.now.date())

    @property
    def ended(self) -> tuple[str, str]:
        """How its last day is called, and the day."""
        state = self.token.state(self.now)
        if state is TokenState.REVOKED and self.token.revoked_at is not None:
            return "Revoked", day_text(self.token.revoked_at.date())
        return "Good through", day_text(self.token.last_day)


def cards(tokens: Iterable[ApiToken], administrator: Administrator, now: datetime) -> list[TokenCard]:
    """Cards of one's own tokens, with the accounts as one sees them now: one query for all."""
    tokens = list(tokens)
    restricted = {token.account_id for token in tokens if token.account_id is not None}
    visible: Mapping[int, Account] = Account.objects.visible_to(administrator).in_bulk(restricted)
    return [TokenCard(token, visible.get(token.account_id or 0), now) for token in tokens]


@require_safe
def api_tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens: first those that work, then those that ended, the latest first."""
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
    """The form; posted, the new token in the answer itself, which is the only one that ever shows it."""
    administrator = permitted_administrator(request)
    accounts = Account.objects.visible_to(administrator)
    posted = request.POST if request.method == "POST" else None
    form = TokenForm(posted, accounts=accounts, today=timezone.now().date())
    if request.method == "POST" and form.is_valid():
        try:
            return _made(request, administrator, form)
        except TooManyTokensError as error:
            form.add_error(None, str(error))
        except AlreadyIssuedError:
            messages.warning(request, MADE_ALREADY)
            return HttpResponseRedirect(reverse("account_settings:api-tokens"))
    status = 422 if request.method == "POST" else 200
    return screen(request, "api_token_new.html", status=status, title="New API token", form=form)


def _made(request: HttpRequest, administrator: Administrator, form: TokenForm) -> HttpResponse:
    wanted = {name: form.cleaned_data[name] for name in ("name", "expires_at", "account", "is_read_only", "form_key")}
    token, secret = ApiToken.objects.issue(administrator=administrator, **wanted)
    logger.info("api_token_created", api_token=token.pk, name=token.name, account=token.account_id)
    (card,) = cards([token], administrator, timezone.now())
    command = f'curl -H "Authorization: Bearer {secret}" {request.build_absolute_uri(reverse("api:root"))}'
    return screen(request, "api_token_made.html", title="New API token", card=card, secret=secret, command=command)


@require_http_methods(["GET", "HEAD", "POST"])
def api_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks whether one is sure; posted, the token works no more. Another's is a 404, whoever asks."""
    token: ApiToken = get_object_or_404(ApiToken.objects.visible_to(administrator_of(request)), pk=pk)
    administrator = permitted_administrator(request)
    if request.method != "POST":
        (card,) = cards([token], administrator, timezone.now())
        return screen(request, "api_token_revoke.html", title="Revoke an API token", card=card)
    if token.revoke():
        logger.info("api_token_revoked", api_token=token.pk, name=token.name)
        messages.success(request, f"The token “{token}” is revoked: it is refused from now on.")
    else:
        messages.info(request, f"The token “{token}” was revoked before.")
    return HttpResponseRedirect(reverse("account_settings:api-tokens"))
