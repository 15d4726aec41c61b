"""Notice words in a short text that may say who somebody is. Only a hint to the person who typed them.

It finds a title and a name (`Mr Smith`), a family word and a name (`mum Karen`), two capitalised words that are not words
of the service (`Karen Smith`), and the shapes of a date of birth, a telephone number, a postcode, an e-mail address and an
NHS number. A first name alone, or a name without capitals, it does not find, and some schools and streets look to it like
names. So it warns and never refuses: silence does not mean that a text names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SERVICE = """
    a advanced agency allocated an and annex april at august authority autumn based because before birmingham borough both
    bsab bscp by cafcass care case cass centre chair chief child child's children children's christmas city clinic coe
    college community complex concern conference constabulary consent consultant contact core council county court crown
    custody daily day december department deputy designated director district domestic duty early easter east edt education
    ehcp emergency emotional empoweru england enquiry essex family february fgm first following foster friday from front gp
    general good graded group guidance he head headteacher health help her his home hospital house housing however i
    identification immediate improvement in independent initial inspector interim it january joint july june justice
    lado last law lead leader legal level local london mainstream manager march marac mash may meeting mental midlands midwife
    monday multi-agency national need neglect neighbourhood new nhs night no north northern not november nursery nurse nursing
    october of officer ofsted on once our out paediatric paediatrician panel parent parents park pathway personal plan planned
    police practice practitioner primary prevent principal probation profile programme protection psychologist public referral
    request residential response review reviewing right safe safeguarding safety saturday school screening secondary section
    send senior september service services she sheriff signs significant since single social south specialist special
    spring staff state statutory strategy summer sunday supervising support supported team termly that the then there they
    this threshold thursday time to today together trust tuesday unborn under universal unit university update urgent
    visit visiting visitor volunteer was we wednesday week welfare wellbeing west when while with winter work worker working
    yesterday young youth additional needs plus targeted assessment discussion action abuse sexual physical medical home
    office force area hub triage desk door access line adult adults mother father mum dad neighbour after as but if for
    also despite given has have is my although although all any each every during until where which who why how so
"""
SERVICE_WORDS = frozenset(_SERVICE.split())
"""Words that stand with a capital in this work without being anybody's name."""

_ROLES = """
    administrator adviser advisor advocate allocated analyst assessor assistant auditor chair clinician commissioner conference
    consultant coordinator co-ordinator counsellor deputy designated director doctor dsl duty gp guardian head headteacher iro
    lado lead leader learner manager midwife nurse officer operator paediatrician panel police practitioner principal professional
    psychologist reviewer role screener sergeant social specialist staff student supervisor support swss teacher team therapist trainee
    trainer visitor worker
"""
ROLE_WORDS = frozenset(_ROLES.split())
"""Words of which at least one stands in the name of a role."""

_NAME = r"[A-Z][\w’']*(?:-[A-Z][\w’']*)*"
_TITLE = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Dame|Lady|Lord|Rev|Reverend|Imam|Rabbi|Pastor|PC|DC|DS|DI|Sgt|Nurse)\b\.?\s+({_NAME})"
)
_KIN = re.compile(
    rf"\b(?i:mum|mother|dad|father|sister|brother|aunt|auntie|uncle|nan|gran|grandma|grandad|step-?(?:mum|mother|dad|father)|partner|son"
    rf"|daughter)\s+({_NAME})"
)
_INITIAL = re.compile(rf"\b[B-HJ-Z]\.?\s(?:[A-Z]\.?\s)?({_NAME})")
_RUN = re.compile(rf"\b{_NAME}(?:[ \t]+{_NAME})+")
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\b(?:\d{{1,2}}[/.-]\d{{1,2}}[/.-](\d{{4}}|\d{{2}})|(\d{{4}})-\d{{2}}-\d{{2}}|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+(\d{{4}}))\b",
    re.I,
)
_BORN = re.compile(r"\b(?:d\.?o\.?b\.?|date of birth|born|birthday)\b[\s:]*(?:is|on|was)?\s*$", re.I)
_SHAPES = (
    ("a telephone number", re.compile(r"(?<![\d-])(?:\+44[\s-]?(?:\(0\)\s?)?|\(?0)\d(?:[\s()-]{0,2}\d){8,9}(?!\d)")),
    ("a postcode", re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[ABD-HJLNP-UW-Z]{2}\b", re.I)),
    ("an e-mail address", re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")),
    ("an NHS number", re.compile(r"(?<!\d)[1-9]\d{2}[\s-]?\d{3}[\s-]?\d{4}(?!\d)")),
)


def personal_details(text: str, year: int = 0) -> tuple[str, ...]:
    """What in a text looks as if it says who somebody is, each as a sentence without its full stop.

    A full date counts where it is called a date of birth, or where it lies two years or more before `year`.

    >>> personal_details("Mr Smith agreed; Family Help can start. Ring 0121 496 0000.")
    ("`Mr Smith` looks like a person's name", '`0121 496 0000` looks like a telephone number')
    >>> personal_details("The Social Worker at Birmingham Children's Trust saw the child on 3 March 2026.", 2026)
    ()
    """
    found = [f"`{name}` looks like a person's name" for name in dict.fromkeys(_names(text))]
    for match in _DATE.finditer(text):
        if _BORN.search(text[: match.start()]) or _full_year(next(g for g in match.groups() if g), year) <= year - 2 or not year:
            found.append(f"`{match.group()}` looks like a date of birth")
    rest = _DATE.sub(" ", text)
    for what, shape in _SHAPES:
        found += [f"`{match.group().strip()}` looks like {what}" for match in shape.finditer(rest)]
    return tuple(dict.fromkeys(found))


def looks_like_a_role(role: str) -> bool:
    """Whether a role holds a word that roles hold, and no two words together that look like a name.

    >>> looks_like_a_role("front_door_manager"), looks_like_a_role("Team Manager"), looks_like_a_role("Jane Smith")
    (True, True, False)
    """
    words = re.split(r"[\s_]+", role.lower())
    return any(w in ROLE_WORDS for w in words) and not any(True for _ in _names(role.replace("_", " "), ROLE_WORDS))


def _names(text: str, also: frozenset[str] = frozenset()) -> Iterator[str]:
    """Words that look like names, in the order of the rules that find them; none lies within one found before."""
    taken: list[tuple[int, int]] = []
    for shape in (_TITLE, _KIN, _INITIAL):
        for match in shape.finditer(text):
            if not _known(match.group(1), also) and not _overlaps(match.span(), taken):
                taken.append(match.span())
                yield match.group()
    for match in _RUN.finditer(text):
        part: list[re.Match[str]] = []
        for word in [*re.finditer(r"\S+", match.group()), None]:
            if word is not None and not _known(word.group(), also):
                part.append(word)
                continue
            if len(part) > 1:
                span = (match.start() + part[0].start(), match.start() + part[-1].end())
                if not _overlaps(span, taken):
                    yield text[span[0] : span[1]]
            part = []


def _known(word: str, also: frozenset[str]) -> bool:
    """Whether a capitalised word is one of the service, or an abbreviation in capitals."""
    plain = word.lower().replace("’", "'").rstrip("'")
    return plain in SERVICE_WORDS or plain in also or plain.removesuffix("'s") in SERVICE_WORDS or (word.isupper() and len(word) > 1)


def _overlaps(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)


def _full_year(written: str, year: int) -> int:
    """A year as four figures: two figures are the latest such year that is not after `year`."""
    if len(written) == 4:
        return int(written)
    century = year - year % 100
    return century + int(written) - (100 if int(written) > year % 100 else 0)
