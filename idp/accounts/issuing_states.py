"""States that issue passports, by the three letters in the machine-readable zone (ICAO Doc 9303-3, section 5)."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale

#: ISO 3166-1 alpha-3 and its alpha-2, by which their names are known.
_PAIRS = """
    ABW:AW AFG:AF AGO:AO AIA:AI ALA:AX ALB:AL AND:AD ARE:AE ARG:AR ARM:AM ASM:AS ATA:AQ ATG:AG AUS:AU AUT:AT AZE:AZ
    BDI:BI BEL:BE BEN:BJ BFA:BF BGD:BD BGR:BG BHR:BH BHS:BS BIH:BA BLR:BY BLZ:BZ BMU:BM BOL:BO BRA:BR BRB:BB BRN:BN
    BTN:BT BWA:BW CAF:CF CAN:CA CHE:CH CHL:CL CHN:CN CIV:CI CMR:CM COD:CD COG:CG COK:CK COL:CO COM:KM CPV:CV CRI:CR
    CUB:CU CYM:KY CYP:CY CZE:CZ DEU:DE DJI:DJ DMA:DM DNK:DK DOM:DO DZA:DZ ECU:EC EGY:EG ERI:ER ESP:ES EST:EE ETH:ET
    FIN:FI FJI:FJ FRA:FR FRO:FO FSM:FM GAB:GA GBR:GB GEO:GE GHA:GH GIB:GI GIN:GN GMB:GM GNB:GW GNQ:GQ GRC:GR GRD:GD
    GRL:GL GTM:GT GUY:GY HKG:HK HND:HN HRV:HR HTI:HT HUN:HU IDN:ID IND:IN IRL:IE IRN:IR IRQ:IQ ISL:IS ISR:IL ITA:IT
    JAM:JM JOR:JO JPN:JP KAZ:KZ KEN:KE KGZ:KG KHM:KH KIR:KI KNA:KN KOR:KR KWT:KW LAO:LA LBN:LB LBR:LR LBY:LY LCA:LC
    LIE:LI LKA:LK LSO:LS LTU:LT LUX:LU LVA:LV MAC:MO MAR:MA MCO:MC MDA:MD MDG:MG MDV:MV MEX:MX MHL:MH MKD:MK MLI:ML
    MLT:MT MMR:MM MNE:ME MNG:MN MOZ:MZ MRT:MR MSR:MS MUS:MU MWI:MW MYS:MY NAM:NA NER:NE NGA:NG NIC:NI NIU:NU NLD:NL
    NOR:NO NPL:NP NRU:NR NZL:NZ OMN:OM PAK:PK PAN:PA PER:PE PHL:PH PLW:PW PNG:PG POL:PL PRK:KP PRT:PT PRY:PY PSE:PS
    QAT:QA ROU:RO RUS:RU RWA:RW SAU:SA SDN:SD SEN:SN SGP:SG SHN:SH SLB:SB SLE:SL SLV:SV SMR:SM SOM:SO SRB:RS SSD:SS
    STP:ST SUR:SR SVK:SK SVN:SI SWE:SE SWZ:SZ SYC:SC SYR:SY TCA:TC TCD:TD TGO:TG THA:TH TJK:TJ TKM:TM TLS:TL TON:TO
    TTO:TT TUN:TN TUR:TR TUV:TV TWN:TW TZA:TZ UGA:UG UKR:UA URY:UY USA:US UZB:UZ VAT:VA VCT:VC VEN:VE VGB:VG VNM:VN
    VUT:VU WSM:WS YEM:YE ZAF:ZA ZMB:ZM ZWE:ZW RKS:XK
"""
_COUNTRIES = dict(pair.split(":") for pair in _PAIRS.split())
#: Codes of Doc 9303 that are no country's: citizens of the United Kingdom by other titles, the United Nations and other
#: organizations, people without a state, refugees.
_OTHERS = {
    "GBD": "British Overseas Territories",
    "GBN": "British National (Overseas)",
    "GBO": "British Overseas",
    "GBP": "British Protected Person",
    "GBS": "British Subject",
    "UNO": "United Nations",
    "UNA": "United Nations specialized agency",
    "UNK": "United Nations (Kosovo)",
    "XOM": "Orden de Malta",
    "XPO": "Interpol",
    "EUE": "Unión Europea",
    "XXA": "Apátrida",
    "XXB": "Refugiado (1951)",
    "XXC": "Refugiado",
    "XXX": "Sin nacionalidad declarada",
}
#: Whose own people have a cédula.
OWN_STATE = "ECU"
#: Doc 9303 prints one letter for Germany; people and other systems write three.
_ALIASES = {"D": "DEU"}
ISSUING_STATES = frozenset(_COUNTRIES) | frozenset(_OTHERS)


def normal_state(text: str) -> str:
    """Return the three letters by which a state is kept, of what was printed or typed (upper case)."""
    return _ALIASES.get(text, text)


@lru_cache(maxsize=8)
def states_by_name(language: str) -> tuple[tuple[str, str], ...]:
    """Return the states whose passports are taken here as (code, name in ``language``), by name.

    :param language: ``es``, ``en``, or another, whose names are Spanish where they are not known.
    """
    names = Locale.parse(language if language in ("es", "en") else "es").territories
    states = {code: names.get(short, code) for code, short in _COUNTRIES.items() if code != OWN_STATE} | _OTHERS
    return tuple(sorted(states.items(), key=lambda item: (item[0] in _OTHERS, _sortable(item[1]))))


def _sortable(name: str) -> str:
    return name.casefold().translate(str.maketrans("áéíóúåüñç", "aeiouauñc"))
