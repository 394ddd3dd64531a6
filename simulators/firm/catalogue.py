"""Plausible legal entities to draw a firm from: code, region, country, currency, time zone, in order of drawing.

All of it is invented ("assumed"): no public count of entities or currencies by firm size was found. What is real are
the ISO 3166 countries, the ISO 4217 currencies (JPY, KRW, CLP, ISK have no minor unit, KWD, BHD have three
decimals) and the IANA zones. The first entities of a region are its largest. The factors turn the GSA card's US
dollars into each currency "at sensible scale"; they are fixed, roughly the rates of early 2026, and not for accounting.
"""

from dataclasses import dataclass
from decimal import Decimal

REGIONS = ("EMEA", "AMER", "APAC", "LATAM")


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a legal entity sits."""

    code: str
    region: str
    country: str
    currency: str
    zone: str


_TABLE = {
    "EMEA": """
        DE01 EUR Europe/Berlin      GB01 GBP Europe/London      FR01 EUR Europe/Paris       CH01 CHF Europe/Zurich
        SE01 SEK Europe/Stockholm   PL01 PLN Europe/Warsaw      KW01 KWD Asia/Kuwait        NL01 EUR Europe/Amsterdam
        NO01 NOK Europe/Oslo        DK01 DKK Europe/Copenhagen  ZA01 ZAR Africa/Johannesburg ES01 EUR Europe/Madrid
        AE01 AED Asia/Dubai         CZ01 CZK Europe/Prague      IT01 EUR Europe/Rome        DE02 EUR Europe/Berlin
        GB02 GBP Europe/London      HU01 HUF Europe/Budapest    TR01 TRY Europe/Istanbul    FI01 EUR Europe/Helsinki
        BE01 EUR Europe/Brussels    BH01 BHD Asia/Bahrain       IE01 EUR Europe/Dublin      AT01 EUR Europe/Vienna
        RO01 RON Europe/Bucharest   PT01 EUR Europe/Lisbon      SA01 SAR Asia/Riyadh        IS01 ISK Atlantic/Reykjavik
        FR02 EUR Europe/Paris       LU01 EUR Europe/Luxembourg  GR01 EUR Europe/Athens      DE03 EUR Europe/Berlin
        MA01 MAD Africa/Casablanca  EG01 EGP Africa/Cairo       NG01 NGN Africa/Lagos       KE01 KES Africa/Nairobi
        GB03 GBP Europe/London      NL02 EUR Europe/Amsterdam   CH02 CHF Europe/Zurich      PL02 PLN Europe/Warsaw
        SE02 SEK Europe/Stockholm   ES02 EUR Europe/Madrid      IT02 EUR Europe/Rome        DE04 EUR Europe/Berlin
        GB04 GBP Europe/London      FR03 EUR Europe/Paris       NO02 NOK Europe/Oslo        ZA02 ZAR Africa/Johannesburg
    """,
    "AMER": """
        US01 USD America/New_York   US02 USD America/Chicago    CA01 CAD America/Toronto    US03 USD America/Los_Angeles
        US04 USD America/Denver     CA02 CAD America/Vancouver  US05 USD America/New_York   US06 USD America/Chicago
        CA03 CAD America/Toronto    US07 USD America/New_York   US08 USD America/Los_Angeles US09 USD America/Phoenix
        CA04 CAD America/Edmonton   US10 USD America/New_York   US11 USD America/Chicago    US12 USD America/New_York
        CA05 CAD America/Halifax    US13 USD America/Los_Angeles US14 USD America/Detroit   US15 USD America/New_York
        CA06 CAD America/St_Johns   US16 USD America/Chicago    US17 USD Pacific/Honolulu   CA07 CAD America/Winnipeg
        US18 USD America/New_York   US19 USD America/Los_Angeles
    """,
    "APAC": """
        JP01 JPY Asia/Tokyo         AU01 AUD Australia/Sydney   SG01 SGD Asia/Singapore     IN01 INR Asia/Kolkata
        NZ01 NZD Pacific/Auckland   HK01 HKD Asia/Hong_Kong     KR01 KRW Asia/Seoul         CN01 CNY Asia/Shanghai
        AU02 AUD Australia/Perth    TH01 THB Asia/Bangkok       MY01 MYR Asia/Kuala_Lumpur  PH01 PHP Asia/Manila
        ID01 IDR Asia/Jakarta       TW01 TWD Asia/Taipei        VN01 VND Asia/Ho_Chi_Minh   IN02 INR Asia/Kolkata
        JP02 JPY Asia/Tokyo         AU03 AUD Australia/Adelaide IN03 INR Asia/Kolkata       SG02 SGD Asia/Singapore
        LK01 LKR Asia/Colombo       CN02 CNY Asia/Shanghai
    """,
    "LATAM": """
        BR01 BRL America/Sao_Paulo  MX01 MXN America/Mexico_City CL01 CLP America/Santiago  CO01 COP America/Bogota
        AR01 ARS America/Argentina/Buenos_Aires PE01 PEN America/Lima UY01 UYU America/Montevideo
        CR01 CRC America/Costa_Rica BR02 BRL America/Sao_Paulo  MX02 MXN America/Tijuana    BR03 BRL America/Manaus
        MX03 MXN America/Monterrey
    """,
}


def _seats(region: str, text: str) -> tuple[Seat, ...]:
    words = text.split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return tuple(Seat(code, region, code[:2], currency, zone) for code, currency, zone in triples)


CATALOGUE: dict[str, tuple[Seat, ...]] = {region: _seats(region, text) for region, text in _TABLE.items()}
"""Seats by region, largest first: 108 entities in 46 currencies."""

_FACTORS = """
        USD=1 EUR=0.88 GBP=0.75 CHF=0.81 SEK=9.5 NOK=10.1 DKK=6.55 PLN=3.7 CZK=21.5 HUF=345 RON=4.45 TRY=43 ZAR=17.5
        AED=3.6725 SAR=3.75 KWD=0.307 BHD=0.376 ISK=126 MAD=9.2 EGP=48 NGN=1450 KES=129 CAD=1.38 JPY=152 AUD=1.5
        SGD=1.29 INR=88 NZD=1.7 HKD=7.8 KRW=1420 CNY=7.1 THB=32.5 MYR=4.2 PHP=57 IDR=16500 TWD=30.5 VND=26000 LKR=300
        BRL=5.4 MXN=18.5 CLP=940 COP=3900 ARS=1400 PEN=3.4 UYU=40 CRC=505
"""
PER_USD: dict[str, Decimal] = {pair[:3]: Decimal(pair[4:]) for pair in _FACTORS.split()}
"""Units of a currency per US dollar (assumed, see above)."""
