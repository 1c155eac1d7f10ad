"""The rate sheets of the demo: prices per minute, billed blocks of seconds, and price changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

GROUPS = MappingProxyType(
    {
        "US-FIXED": "United States Fixed",
        "US-MOBILE": "United States Mobile",
        "US-TOLLFREE": "United States Toll-Free",
        "CA-FIXED": "Canada Fixed",
        "GB-FIXED": "United Kingdom Fixed",
        "GB-MOBILE": "United Kingdom Mobile",
        "GB-TOLLFREE": "United Kingdom Freephone",
        "DE-FIXED": "Germany Fixed",
        "DE-MOBILE": "Germany Mobile",
        "DE-TOLLFREE": "Germany Freephone",
        "FR-FIXED": "France Fixed",
        "FR-MOBILE": "France Mobile",
        "FR-TOLLFREE": "France Freephone",
        "IE-FIXED": "Ireland Fixed",
        "AU-FIXED": "Australia Fixed",
    }
)


def call_type(usage_group: str, home: str) -> str:
    """Return the type of a call: toll-free, national or international, seen from a company's country."""
    if usage_group.endswith("-TOLLFREE"):
        return "Toll-free"
    return "National" if usage_group.startswith(home) else "International"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a rate sheet: first day, counted back from the first load; price factor; groups left out."""

    days_before: int
    factor: Decimal
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RateSheet:
    """A rate sheet: currency, billed blocks of seconds, and prices per minute (inbound, outbound; None: no price)."""

    name: str
    currency: str
    homes: tuple[str, ...]
    increment_seconds: int
    minimum_seconds: int
    prices: MappingProxyType[str, tuple[str | None, str | None]]
    versions: tuple[Version, ...]


def _prices(table: str) -> MappingProxyType[str, tuple[str | None, str | None]]:
    """Return the prices in lines of usage group, inbound and outbound price, where a dash stands for none."""
    lines = (line.split() for line in table.strip().splitlines())
    return MappingProxyType({group: (_price(inbound), _price(outbound)) for group, inbound, outbound in lines})


def _price(cell: str) -> str | None:
    return None if cell == "-" else cell


# Calls that a sheet does not price stay unrated: to Australia, and to Ireland until a late version.
RATE_SHEETS = (
    RateSheet(
        "North America Standard",
        "USD",
        ("US",),
        6,
        0,
        _prices(
            """
            US-FIXED     0.0085 0.0119
            US-MOBILE    0.0085 0.0119
            US-TOLLFREE  0.0181 -
            CA-FIXED     0.0085 0.0142
            GB-FIXED     0.0095 0.0196
            GB-MOBILE    -      0.047
            DE-FIXED     -      0.0212
            DE-MOBILE    -      0.0575
            """
        ),
        (Version(800, Decimal(1)), Version(41, Decimal("1.05")), Version(12, Decimal("0.98"))),
    ),
    RateSheet(
        "Europa Geschäftskunden",
        "EUR",
        ("DE", "FR"),
        60,
        0,
        _prices(
            """
            DE-FIXED     0.006  0.0119
            DE-MOBILE    0.006  0.0575
            DE-TOLLFREE  0.029  -
            FR-FIXED     0.006  0.0129
            FR-MOBILE    0.006  0.061
            FR-TOLLFREE  0.031  -
            GB-FIXED     -      0.0158
            GB-MOBILE    -      0.064
            IE-FIXED     -      0.021
            US-FIXED     -      0.019
            """
        ),
        (
            Version(800, Decimal(1), frozenset({"IE-FIXED"})),
            Version(47, Decimal("1.04"), frozenset({"IE-FIXED"})),
            Version(9, Decimal("1.04")),
        ),
    ),
    RateSheet(
        "UK Classic",
        "GBP",
        ("GB",),
        6,
        0,
        _prices(
            """
            GB-FIXED     0.004  0.0105
            GB-MOBILE    0.004  0.038
            GB-TOLLFREE  0.022  -
            IE-FIXED     -      0.024
            """
        ),
        (Version(800, Decimal(1)),),
    ),
    RateSheet(
        "UK Per-Minute",
        "GBP",
        ("GB",),
        6,
        60,
        _prices(
            """
            GB-FIXED     0.0035 0.0088
            GB-MOBILE    0.0035 0.0315
            GB-TOLLFREE  0.0195 -
            IE-FIXED     -      0.0199
            US-FIXED     -      0.0175
            """
        ),
        (Version(35, Decimal(1)), Version(16, Decimal("1.025"))),
    ),
)


def rate_rows(loaded_on: date) -> Iterator[tuple[object, ...]]:
    """Yield the rows of an upload file of the kind `rates`."""
    for sheet in RATE_SHEETS:
        for version in sheet.versions:
            effective_from = loaded_on - timedelta(days=version.days_before)
            for group, prices in sheet.prices.items():
                if group in version.without:
                    continue
                # On a sheet for several countries, a group of one of them is foreign to the others.
                for kind in sorted({call_type(group, home) for home in sheet.homes}):
                    for direction, price in zip(("Inbound", "Outbound"), prices, strict=True):
                        if price is not None:
                            rate = (Decimal(price) * version.factor).quantize(Decimal("0.000001"))
                            yield (
                                sheet.name,
                                sheet.currency,
                                effective_from,
                                group,
                                GROUPS[group],
                                kind,
                                direction,
                                f"{rate.normalize():f}",
                                sheet.increment_seconds,
                                sheet.minimum_seconds,
                            )
