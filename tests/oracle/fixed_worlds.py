"""Worlds whose reports were worked out by hand from the published examples; every expected text is literal."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.oracle.records import File
from tests.oracle.worlds import Question

BASICS: list[File] = [
    ("accounts", None, "code,name\nACME,Acme Ltd\nGLOBEX,Globex\n"),
    (
        "charges",
        None,
        "name,basis\nCX 2 Named,named\nCX 3 Concurrent,concurrent\nCX 1 Hourly,hourly\nPhone,device\n",
    ),
    ("users", "ACME", "email\nann@example.com\nbob@example.com\n"),
    ("users", "GLOBEX", "email\nann@example.com\n"),
]
SESSIONS = "session_id,entity,charge,started_at,ended_at,billable\n"
SUBSCRIPTIONS = (
    "number,account,activation_date,currency,cycle_policy,ended_on,rate_sheet,telco_commit_percent\n"
    "A-1,ACME,2017-10-21,USD,through_anniversary,,Standard,\n"
    "G-1,GLOBEX,2017-10-21,USD,before_anniversary,,Standard,10\n"
)
CONTRACTS: File = ("subscriptions", None, SUBSCRIPTIONS)
VOICE_HEADER = (
    "SIP Call Id,Origin,Destination,Usage Group,Usage Group Display,Call Type,Direction,Start time,End Time,"
    "Duration (Seconds),Adjusted Duration (seconds),Adjusted Duration (minutes),Usage Rate Per Minute,Total cost,"
    "Currency,Rate Sheet\n"
)


@dataclass(frozen=True)
class Expected:
    """The expected bytes of one report."""

    slug: str
    question: Question
    text: str


@dataclass(frozen=True)
class FixedWorld:
    """Upload files in a valid order, and the reports that must follow from them.

    `billable_peaks` and `billed_hours` are by subscription number, for the cycle of `day` as seen on `today`.
    """

    name: str
    files: list[File]
    reports: list[Expected]
    day: date
    today: date
    billable_peaks: dict[str, int] = field(default_factory=dict)
    billed_hours: dict[str, dict[str, int]] = field(default_factory=dict)


def _asked(subscription: str, date_from: str, date_through: str, today: str) -> Question:
    days = [date.fromisoformat(day) for day in (date_from, date_through, today)]
    return Question(subscription, *days)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


CYCLES = FixedWorld(
    name="activated on 21 October 2017",
    files=[
        *BASICS,
        CONTRACTS,
        *(
            (
                "sessions",
                account,
                SESSIONS + "s0,ann@example.com,CX 2 Named,2017-10-20T23:59:59.999Z,2017-10-21T00:00:00.500Z,\n"
                "s1,ANN@example.com,CX 2 Named,2017-10-21T09:14:03.999Z,2017-10-21T09:20:00Z,\n"
                "s2,ann@example.com,CX 2 Named,2017-11-21T00:00:00Z,2017-11-21T00:00:00Z,\n"
                "s3,ann@example.com,CX 2 Named,2017-11-21T23:59:59.9999Z,2017-11-22T00:00:01Z,true\n"
                "s4,ann@example.com,CX 2 Named,2017-11-22T05:30:00+05:30,2017-11-22T00:10:00Z,\n"
                "s5,ann@example.com,CX 2 Named,2017-11-23T08:00:00Z,,no\n",
            )
            for account in ("ACME", "GLOBEX")
        ),
    ],
    reports=[
        Expected(
            "billable-usage",
            _asked("A-1", "2017-10-21", "2017-11-23", "2017-11-24"),
            "Charge Name,Entity,Timestamp\n"
            "CX 2 Named,ann@example.com,2017-10-21T09:14:03.999Z\n"
            "CX 2 Named,ann@example.com,2017-11-22T00:00:00.000Z\n",
        ),
        Expected(
            "billable-usage",
            _asked("A-1", "2017-11-20", "2017-11-21", "2017-11-24"),
            "Charge Name,Entity,Timestamp\nCX 2 Named,ann@example.com,2017-10-21T09:14:03.999Z\n",
        ),
        Expected(
            "billable-usage",
            _asked("G-1", "2017-11-22", "2017-11-23", "2017-11-24"),
            "Charge Name,Entity,Timestamp\nCX 2 Named,ann@example.com,2017-11-21T00:00:00.000Z\n",
        ),
        Expected(
            "billable-usage",
            _asked("A-1", "2017-10-22", "2017-11-18", "2017-11-19"),
            "Charge Name,Entity,Timestamp\n",
        ),
        Expected(
            "user-hours",
            _asked("A-1", "2017-10-21", "2017-11-23", "2017-11-24"),
            "User,Date,Duration\n"
            "ann@example.com,2017-10-21,00:05:56:501\n"
            "ann@example.com,2017-11-21,00:00:00:001\n"
            "ann@example.com,2017-11-22,00:10:00:000\n"
            "ann@example.com,2017-11-23,16:00:00:000\n",
        ),
    ],
    day=date(2017, 11, 23),
    today=date(2017, 11, 24),
    billable_peaks={"A-1": 0, "G-1": 0},
    billed_hours={"A-1": {}, "G-1": {}},
)

RATES = (
    "rate_sheet,currency,effective_from,usage_group,usage_group_display,call_type,direction,rate_per_minute,"
    "increment_seconds,minimum_seconds\n"
    'Standard,USD,2017-10-01,LOC,"Local, all",Domestic,Outbound,0.0181,,\n'
    'Standard,USD,2017-10-01,LOC,"Local, all",Domestic,Inbound,1,,\n'
    "Standard,USD,2017-10-23,LOC,=Local,Domestic,Outbound,0.0470,6,60\n"
)
CALLS = (
    "sip_call_id,origin,destination,usage_group,call_type,direction,start_time,end_time\n"
    "c1,+14155550100,sip:x@y,LOC,Domestic,Outbound,2017-10-21T10:00:00Z,2017-10-21T10:00:55Z\n"
    "c2,=1+1,-5,LOC,Domestic,Inbound,2017-10-21T10:00:00Z,2017-10-21T10:00:00.001Z\n"
    "c3,-5,'=1+1,LOC,International,Inbound,2017-10-21T10:00:01Z,2017-10-21T10:00:02.001Z\n"
    "c4,1,2,GHOST,Domestic,Outbound,2017-10-21T11:00:00Z,2017-10-21T11:00:00Z\n"
    "c5,1,2,LOC,Domestic,Outbound,2017-10-22T23:59:59.999Z,2017-10-23T00:00:58.999Z\n"
    "c6,1,2,LOC,Domestic,Outbound,2017-10-23T00:00:00Z,2017-10-23T00:00:59Z\n"
    "c7,1,2,LOC,Domestic,Outbound,2017-10-23T00:00:00Z,2017-10-23T00:01:01Z\n"
    "c8,1,2,LOC,Domestic,Outbound,2017-10-23T00:00:00Z,2017-10-23T00:00:00Z\n"
    "c9,1,2,LOC,Domestic,Inbound,2017-10-23T00:00:00Z,2017-10-23T00:00:01Z\n"
)
ON_21_OCTOBER = "2017-10-21T10:00:00.000Z"
ON_23_OCTOBER = "2017-10-23T00:00:00.000Z"
# The lines that the reports of the two customers share: they have nothing that rating fills in.
UNRATED = {
    "c3": """c3,-5,'=1+1,LOC,"Local, all",International,Inbound,"""
    "2017-10-21T10:00:01.000Z,2017-10-21T10:00:02.001Z,2,,,,,,",
    "c4": "c4,1,2,GHOST,GHOST,Domestic,Outbound,2017-10-21T11:00:00.000Z,2017-10-21T11:00:00.000Z,0,,,,,,",
    "c9": f"c9,1,2,LOC,'=Local,Domestic,Inbound,{ON_23_OCTOBER},2017-10-23T00:00:01.000Z,1,,,,,,",
}
VOICE_OF_ACME = VOICE_HEADER + _lines(
    [
        (
            f'c1,+14155550100,sip:x@y,LOC,"Local, all",Domestic,Outbound,{ON_21_OCTOBER},2017-10-21T10:00:55.000Z,'
            "55,60,1.0,0.0181,0.0181,USD,Standard"
        ),
        (
            f"""c2,'=1+1,-5,LOC,"Local, all",Domestic,Inbound,{ON_21_OCTOBER},2017-10-21T10:00:00.001Z,"""
            "1,6,0.1,1.0,0.1000,USD,Standard"
        ),
        UNRATED["c3"],
        UNRATED["c4"],
        (
            'c5,1,2,LOC,"Local, all",Domestic,Outbound,2017-10-22T23:59:59.999Z,2017-10-23T00:00:58.999Z,'
            "59,60,1.0,0.0181,0.0181,USD,Standard"
        ),
        (
            f"c6,1,2,LOC,'=Local,Domestic,Outbound,{ON_23_OCTOBER},2017-10-23T00:00:59.000Z,"
            "59,60,1.0,0.047,0.0470,USD,Standard"
        ),
        (
            f"c7,1,2,LOC,'=Local,Domestic,Outbound,{ON_23_OCTOBER},2017-10-23T00:01:01.000Z,"
            "61,66,1.1,0.047,0.0517,USD,Standard"
        ),
        f"c8,1,2,LOC,'=Local,Domestic,Outbound,{ON_23_OCTOBER},{ON_23_OCTOBER},0,0,0.0,0.047,0.0000,USD,Standard",
        UNRATED["c9"],
    ]
)
# Ten percent off: 0.0181 → 0.01629, 1 → 0.9, 0.047 → 0.0423; 0.0423 * 66 / 60 = 0.04653.
VOICE_OF_GLOBEX = VOICE_HEADER + _lines(
    [
        (
            f'c1,+14155550100,sip:x@y,LOC,"Local, all",Domestic,Outbound,{ON_21_OCTOBER},2017-10-21T10:00:55.000Z,'
            "55,60,1.0,0.01629,0.0163,USD,Standard"
        ),
        (
            f"""c2,'=1+1,-5,LOC,"Local, all",Domestic,Inbound,{ON_21_OCTOBER},2017-10-21T10:00:00.001Z,"""
            "1,6,0.1,0.9,0.0900,USD,Standard"
        ),
        UNRATED["c3"],
        UNRATED["c4"],
        (
            'c5,1,2,LOC,"Local, all",Domestic,Outbound,2017-10-22T23:59:59.999Z,2017-10-23T00:00:58.999Z,'
            "59,60,1.0,0.01629,0.0163,USD,Standard"
        ),
        (
            f"c6,1,2,LOC,'=Local,Domestic,Outbound,{ON_23_OCTOBER},2017-10-23T00:00:59.000Z,"
            "59,60,1.0,0.0423,0.0423,USD,Standard"
        ),
        (
            f"c7,1,2,LOC,'=Local,Domestic,Outbound,{ON_23_OCTOBER},2017-10-23T00:01:01.000Z,"
            "61,66,1.1,0.0423,0.0465,USD,Standard"
        ),
        f"c8,1,2,LOC,'=Local,Domestic,Outbound,{ON_23_OCTOBER},{ON_23_OCTOBER},0,0,0.0,0.0423,0.0000,USD,Standard",
        UNRATED["c9"],
    ]
)
PRICES = FixedWorld(
    name="the price table",
    files=[
        *BASICS,
        ("calls", "ACME", CALLS),
        CONTRACTS,
        ("rates", None, RATES),
        ("calls", "GLOBEX", CALLS),
    ],
    reports=[
        Expected("voice-usage", _asked("A-1", "2017-10-21", "2017-10-23", "2017-11-24"), VOICE_OF_ACME),
        Expected("voice-usage", _asked("G-1", "2017-10-21", "2017-10-23", "2017-11-24"), VOICE_OF_GLOBEX),
        Expected("voice-usage", _asked("G-1", "2017-10-24", "2017-11-23", "2017-11-24"), VOICE_HEADER),
    ],
    day=date(2017, 11, 23),
    today=date(2017, 11, 24),
)


def _crowd() -> list[File]:
    """500 users for 25 minutes, 503 for the next 6: at least 500 for 31 minutes. One device, which does not count."""
    users = [f"agent{number:03}@example.com" for number in range(503)]
    lines = []
    for number, user in enumerate(users):
        start = "10:00:00" if number < 500 else "10:25:00"
        lines.append(f"s{number},{user},CX 3 Concurrent,2017-10-22T{start}Z,2017-10-22T10:31:00Z,")
    lines.append("twice,agent000@example.com,CX 3 Concurrent,2017-10-22T10:05:00Z,2017-10-22T10:31:00Z,")
    lines.append("device,SEP01,CX 3 Concurrent,2017-10-22T10:00:00Z,2017-10-22T12:00:00Z,")
    return [
        ("users", "ACME", _lines(["email", *users])),
        ("devices", "ACME", "device_id\nSEP01\n"),
        ("sessions", "ACME", SESSIONS + _lines(lines)),
    ]


CROWD = FixedWorld(
    name="500 users for 31 minutes and 503 for 6",
    files=[*BASICS, CONTRACTS, *_crowd()],
    reports=[
        Expected(
            "concurrent-usage",
            _asked("A-1", "2017-10-21", "2017-10-23", "2017-10-24"),
            "Date,Peak Concurrent Users,Minutes at Peak\n2017-10-21,0,0.00\n2017-10-22,503,6.00\n2017-10-23,0,0.00\n",
        ),
    ],
    day=date(2017, 10, 23),
    today=date(2017, 10, 24),
    billable_peaks={"A-1": 500, "G-1": 0},
    billed_hours={"A-1": {}, "G-1": {}},
)


def _at(day: date, milliseconds: int) -> str:
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    later = day + timedelta(days=hours // 24)
    return f"{later}T{hours % 24:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}Z"


# 112.23 h and 110.11 h are 404,028 s and 396,396 s; the rest of each line adds nothing to them.
HOURS = FixedWorld(
    name="112.23 hours and 110.11 hours",
    files=[
        *BASICS,
        CONTRACTS,
        (
            "sessions",
            "ACME",
            SESSIONS + f"s1,ann@example.com,CX 1 Hourly,2017-10-22T00:00:00Z,{_at(date(2017, 10, 22), 404_028_000)},\n"
            f"s2,bob@example.com,CX 1 Hourly,2017-10-22T00:00:00Z,{_at(date(2017, 10, 22), 396_396_000)},\n"
            "overlap,bob@example.com,CX 1 Hourly,2017-10-23T00:00:00Z,2017-10-24T00:00:00Z,\n"
            "free,bob@example.com,CX 1 Hourly,2017-10-28T00:00:00Z,2017-10-29T00:00:00Z,false\n"
            "other,bob@example.com,CX 2 Named,2017-10-29T00:00:00Z,2017-10-29T06:00:00Z,\n",
        ),
    ],
    reports=[
        Expected(
            "user-hours",
            _asked("A-1", "2017-10-25", "2017-10-29", "2017-10-31"),
            "User,Date,Duration\n"
            "ann@example.com,2017-10-25,24:00:00:000\n"
            "ann@example.com,2017-10-26,16:13:48:000\n"
            "bob@example.com,2017-10-25,24:00:00:000\n"
            "bob@example.com,2017-10-26,14:06:36:000\n"
            "bob@example.com,2017-10-28,24:00:00:000\n"
            "bob@example.com,2017-10-29,06:00:00:000\n",
        ),
    ],
    day=date(2017, 10, 30),
    today=date(2017, 10, 31),
    billable_peaks={"A-1": 0, "G-1": 0},
    billed_hours={"A-1": {"CX 1 Hourly": 223}, "G-1": {}},
)

# 756.56 min are 45,393,600 ms; 756.555 and 756.545 min, 45,393,300 and 45,392,700 ms, are half way and go up.
MINUTES = FixedWorld(
    name="756.56 minutes at the peak",
    files=[
        *BASICS,
        CONTRACTS,
        (
            "sessions",
            "ACME",
            SESSIONS + f"s1,ann@example.com,Phone,2017-10-21T00:00:00Z,{_at(date(2017, 10, 21), 45_393_600)},no\n"
            f"s2,ann@example.com,Phone,2017-10-22T00:00:00Z,{_at(date(2017, 10, 22), 45_393_300)},\n"
            f"s3,ann@example.com,Phone,2017-10-23T00:00:00Z,{_at(date(2017, 10, 23), 45_392_700)},\n"
            "s4,ann@example.com,Phone,2017-10-24T00:00:00Z,2017-10-24T00:00:00.300Z,\n"
            "s5,ann@example.com,Phone,2017-10-25T00:00:00Z,2017-10-25T00:00:00.299Z,\n"
            "s6,ann@example.com,Phone,2017-10-26T09:00:00Z,2017-10-26T10:00:00Z,\n"
            "s7,bob@example.com,Phone,2017-10-26T10:00:00Z,2017-10-26T11:00:00Z,\n"
            "s8,ann@example.com,Phone,2017-10-26T11:00:00Z,2017-10-26T11:00:00Z,\n"
            "s9,ann@example.com,Phone,2017-10-26T23:00:00Z,2017-10-28T00:00:00Z,\n",
        ),
    ],
    reports=[
        Expected(
            "concurrent-usage",
            _asked("A-1", "2017-10-21", "2017-10-28", "2017-10-29"),
            "Date,Peak Concurrent Users,Minutes at Peak\n"
            "2017-10-21,1,756.56\n"
            "2017-10-22,1,756.56\n"
            "2017-10-23,1,756.55\n"
            "2017-10-24,1,0.01\n"
            "2017-10-25,1,0.00\n"
            "2017-10-26,1,180.00\n"
            "2017-10-27,1,1440.00\n"
            "2017-10-28,0,0.00\n",
        ),
    ],
    day=date(2017, 10, 28),
    today=date(2017, 10, 29),
    billable_peaks={"A-1": 0, "G-1": 0},
    billed_hours={"A-1": {}, "G-1": {}},
)

CONSUMPTION = FixedWorld(
    name="quantities",
    files=[
        *BASICS,
        CONTRACTS,
        ("resources", None, 'name,unit\nsms,messages\nSMS,messages\n=Data,"GB, raw"\n'),
        (
            "resource_usage",
            None,
            (
                "account,date,resource,quantity\n"
                "ACME,2017-10-22,sms,12\nACME,2017-10-22,SMS,0.50\nACME,2017-10-22,=Data,0\nACME,2017-10-21,sms,1000000.10\n"
                "ACME,2017-10-20,sms,1\nACME,2017-10-24,sms,1\nGLOBEX,2017-10-22,sms,7\n"
            ),
        ),
    ],
    reports=[
        Expected(
            "resource-usage",
            _asked("A-1", "2017-10-21", "2017-10-23", "2017-10-24"),
            "Date,Resource,Quantity,Unit\n"
            "2017-10-21,sms,1000000.1,messages\n"
            '2017-10-22,\'=Data,0,"GB, raw"\n'
            "2017-10-22,SMS,0.5,messages\n"
            "2017-10-22,sms,12,messages\n",
        ),
    ],
    day=date(2017, 10, 23),
    today=date(2017, 10, 24),
)

# 55 s at 25.5: 23.375 and not 0.9167 * 25.5 = 23.3759. 6 s at 0.0005 cost 0.00005, half way.
# Half off: 0.000001 is 0.0000005, half way to 0.000001, which for 25 h (1,500 min) costs 0.0015 and not 0.0008.
ROUNDING = FixedWorld(
    name="half way",
    files=[
        *BASICS,
        (
            "subscriptions",
            None,
            (
                "number,account,activation_date,currency,rate_sheet,telco_commit_percent\n"
                "A-1,ACME,2017-10-21,USD,Seconds,\nG-1,GLOBEX,2017-10-21,USD,Seconds,50\n"
            ),
        ),
        (
            "rates",
            None,
            (
                "rate_sheet,currency,effective_from,usage_group,usage_group_display,call_type,direction,rate_per_minute,"
                "increment_seconds\n"
                "Seconds,USD,2017-10-01,HIGH,High,Domestic,Inbound,25.5,1\n"
                "Seconds,USD,2017-10-01,LOW,Low,Domestic,Inbound,0.0005,1\n"
                "Seconds,USD,2017-10-01,LEAST,Least,Domestic,Inbound,0.000001,1\n"
            ),
        ),
        *(
            (
                "calls",
                account,
                (
                    "sip_call_id,origin,destination,usage_group,call_type,direction,start_time,end_time\n"
                    "\U0001f600,1,2,HIGH,Domestic,Inbound,2017-10-21T10:00:00Z,2017-10-21T10:00:55Z\n"
                    "\uff21,1,2,LOW,Domestic,Inbound,2017-10-21T10:00:00Z,2017-10-21T10:00:06Z\n"
                    "a,1,2,LEAST,Domestic,Inbound,2017-10-21T10:00:00Z,2017-10-22T11:00:00Z\n"
                ),
            )
            for account in ("ACME", "GLOBEX")
        ),
    ],
    reports=[
        Expected(
            "voice-usage",
            _asked("A-1", "2017-10-21", "2017-10-21", "2017-10-22"),
            VOICE_HEADER
            + "a,1,2,LEAST,Least,Domestic,Inbound,2017-10-21T10:00:00.000Z,2017-10-22T11:00:00.000Z,"
            + "90000,90000,1500.0,0.000001,0.0015,USD,Seconds\n"
            + "\uff21,1,2,LOW,Low,Domestic,Inbound,2017-10-21T10:00:00.000Z,2017-10-21T10:00:06.000Z,"
            + "6,6,0.1,0.0005,0.0001,USD,Seconds\n"
            + "\U0001f600,1,2,HIGH,High,Domestic,Inbound,2017-10-21T10:00:00.000Z,2017-10-21T10:00:55.000Z,"
            + "55,55,0.9167,25.5,23.3750,USD,Seconds\n",
        ),
        Expected(
            "voice-usage",
            _asked("G-1", "2017-10-21", "2017-10-21", "2017-10-22"),
            VOICE_HEADER
            + "a,1,2,LEAST,Least,Domestic,Inbound,2017-10-21T10:00:00.000Z,2017-10-22T11:00:00.000Z,"
            + "90000,90000,1500.0,0.000001,0.0015,USD,Seconds\n"
            + "\uff21,1,2,LOW,Low,Domestic,Inbound,2017-10-21T10:00:00.000Z,2017-10-21T10:00:06.000Z,"
            + "6,6,0.1,0.00025,0.0000,USD,Seconds\n"
            + "\U0001f600,1,2,HIGH,High,Domestic,Inbound,2017-10-21T10:00:00.000Z,2017-10-21T10:00:55.000Z,"
            + "55,55,0.9167,12.75,11.6875,USD,Seconds\n",
        ),
    ],
    day=date(2017, 10, 21),
    today=date(2017, 10, 22),
)

# Cycles of 31 January 2024: 31 Jan, 1 Mar, 1 Apr through the anniversary; 31 Jan, 29 Feb, 31 Mar before it.
LAST_OF_JANUARY = FixedWorld(
    name="activated on 31 January of a leap year",
    files=[
        *BASICS,
        (
            "subscriptions",
            None,
            (
                "number,account,activation_date,currency,cycle_policy\n"
                "A-1,ACME,2024-01-31,USD,through_anniversary\nG-1,GLOBEX,2024-01-31,USD,before_anniversary\n"
            ),
        ),
        *(
            (
                "sessions",
                account,
                SESSIONS + "s1,ann@example.com,Phone,2024-02-29T12:00:00Z,2024-02-29T12:00:00Z,\n"
                "s2,ann@example.com,Phone,2024-03-01T00:00:00Z,2024-03-01T12:00:00Z,\n"
                "s3,ann@example.com,Phone,2024-03-30T23:59:59.999Z,2024-03-31T00:00:00Z,\n"
                "s4,ann@example.com,Phone,2024-03-31T00:00:00Z,2024-03-31T00:00:00Z,\n",
            )
            for account in ("ACME", "GLOBEX")
        ),
    ],
    reports=[
        Expected(
            "billable-usage",
            _asked("A-1", "2024-03-30", "2024-03-31", "2024-04-02"),
            "Charge Name,Entity,Timestamp\nPhone,ann@example.com,2024-03-01T00:00:00.000Z\n",
        ),
        Expected(
            "billable-usage",
            _asked("G-1", "2024-03-30", "2024-03-31", "2024-04-02"),
            "Charge Name,Entity,Timestamp\n"
            "Phone,ann@example.com,2024-02-29T12:00:00.000Z\nPhone,ann@example.com,2024-03-31T00:00:00.000Z\n",
        ),
    ],
    day=date(2024, 3, 31),
    today=date(2024, 4, 2),
)

FIXED_WORLDS = [CYCLES, PRICES, CROWD, HOURS, MINUTES, CONSUMPTION, ROUNDING, LAST_OF_JANUARY]
