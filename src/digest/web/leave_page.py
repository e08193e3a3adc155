"""The public page for leaving, as HTML, in each language it speaks: a question, a button or two, an answer.

Pure: words and names in, bytes out. No script, no picture, no font, nothing from elsewhere; readable at 320 px, in
light and dark, by ear and by keyboard. Every value is escaped, and no page shows a whole address. English is what a
reader gets whose languages are none of these.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """One language's sentences, plain text with {audience}, {newsroom}, {address}, {contact} in it."""

    language: str
    direction: str = "ltr"
    ask_title: str
    ask: str
    this: str
    every: str
    done_title: str
    done: str
    done_every: str
    already: str
    mistake: str
    unknown_title: str
    unknown: str
    unclear: str
    trouble_title: str
    trouble: str
    refused_title: str
    refused: str


WORDS: dict[str, PageWords] = {
    "en": PageWords(
        language="en",
        ask_title="Unsubscribe",
        ask="Stop sending “{audience}” to {address}?",
        this="Unsubscribe from “{audience}”",
        every="Unsubscribe from all mails of {newsroom}",
        done_title="You are unsubscribed",
        done="{address} gets no more mails of “{audience}”.",
        done_every="{address} gets no more mails of {newsroom}.",
        already="{address} is not subscribed to “{audience}” any more.",
        mistake="Was this a mistake? Write to {contact}.",
        unknown_title="Nothing here",
        unknown="This address leads nowhere. If it came from one of our mails, it may have been cut off: copy the "
        "whole link, or write to {contact}.",
        unclear="To unsubscribe, press the button.",
        trouble_title="That did not work",
        trouble="Nothing was changed. Please try again in some minutes, or write to {contact}.",
        refused_title="That is not possible",
        refused="This page does not take such a request.",
    ),
    "fr": PageWords(
        language="fr",
        ask_title="Se désabonner",
        ask="Ne plus envoyer « {audience} » à {address} ?",
        this="Se désabonner de « {audience} »",
        every="Se désabonner de tous les courriels de {newsroom}",
        done_title="Vous êtes désabonné(e)",
        done="{address} ne recevra plus « {audience} ».",
        done_every="{address} ne recevra plus aucun courriel de {newsroom}.",
        already="{address} n’est plus abonné(e) à « {audience} ».",
        mistake="C’était une erreur ? Écrivez à {contact}.",
        unknown_title="Rien ici",
        unknown="Cette adresse ne mène nulle part. Si elle vient d’un de nos courriels, elle a pu être coupée : copiez "
        "le lien entier, ou écrivez à {contact}.",
        unclear="Pour vous désabonner, appuyez sur le bouton.",
        trouble_title="Cela n’a pas fonctionné",
        trouble="Rien n’a été modifié. Réessayez dans quelques minutes, ou écrivez à {contact}.",
        refused_title="C’est impossible",
        refused="Cette page n’accepte pas une telle demande.",
    ),
    "es": PageWords(
        language="es",
        ask_title="Darse de baja",
        ask="¿Dejar de enviar «{audience}» a {address}?",
        this="Darse de baja de «{audience}»",
        every="Darse de baja de todos los correos de {newsroom}",
        done_title="Se ha dado de baja",
        done="{address} ya no recibirá «{audience}».",
        done_every="{address} ya no recibirá ningún correo de {newsroom}.",
        already="{address} ya no está en la lista de «{audience}».",
        mistake="¿Ha sido un error? Escriba a {contact}.",
        unknown_title="Aquí no hay nada",
        unknown="Esta dirección no lleva a ninguna parte. Si procede de uno de nuestros correos, puede estar cortada: "
        "copie el enlace completo o escriba a {contact}.",
        unclear="Para darse de baja, pulse el botón.",
        trouble_title="No ha funcionado",
        trouble="No se ha cambiado nada. Vuelva a intentarlo en unos minutos o escriba a {contact}.",
        refused_title="No es posible",
        refused="Esta página no admite esa petición.",
    ),
    "ar": PageWords(
        language="ar",
        direction="rtl",
        ask_title="إلغاء الاشتراك",
        ask="هل تريد إيقاف إرسال «{audience}» إلى {address}؟",
        this="إلغاء الاشتراك في «{audience}»",
        every="إلغاء الاشتراك في جميع رسائل {newsroom}",
        done_title="تم إلغاء اشتراكك",
        done="لن تصل رسائل «{audience}» إلى {address} بعد الآن.",
        done_every="لن تصل أي رسائل من {newsroom} إلى {address} بعد الآن.",
        already="لم يعد {address} مشتركًا في «{audience}».",
        mistake="هل حدث ذلك عن طريق الخطأ؟ اكتب إلى {contact}.",
        unknown_title="لا شيء هنا",
        unknown="هذا العنوان لا يؤدي إلى أي صفحة. إن كان من إحدى رسائلنا فربما قُطع جزء منه: انسخ الرابط كاملًا "
        "أو اكتب إلى {contact}.",
        unclear="لإلغاء الاشتراك، اضغط على الزر.",
        trouble_title="لم تنجح العملية",
        trouble="لم يتغير شيء. حاول مرة أخرى بعد بضع دقائق أو اكتب إلى {contact}.",
        refused_title="هذا غير ممكن",
        refused="لا تقبل هذه الصفحة مثل هذا الطلب.",
    ),
}


def words_for(accept_language: str, otherwise: str) -> PageWords:
    """The reader's first language that the page speaks (RFC 9110, 12.5.4), else `otherwise`, else English."""
    wanted: list[tuple[float, str]] = []
    for part in accept_language[:500].split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if weight > 0:
            wanted.append((-weight, tag.strip().partition("-")[0].lower()))
    wanted.sort(key=lambda pair: pair[0])  # stable: the first of equals is preferred
    known = (tag for _, tag in wanted if tag in WORDS)
    return WORDS.get(next(known, otherwise.partition("-")[0].lower())) or WORDS["en"]


Kind = Literal["ask", "unclear", "done", "done_every", "already", "unknown", "trouble", "refused"]

STYLE = """
:root{color-scheme:light dark;--page:#eef0f4;--sheet:#fff;--ink:#14161c;--soft:#3a3d45;--line:#767c8c;--brand:#1e2dbe;\
--brand-ink:#fff;--link:#1e2dbe}
@media (prefers-color-scheme:dark){:root{--page:#101218;--sheet:#181b23;--ink:#f2f3f7;--soft:#b9bfcd;--line:#868da0;\
--brand:#9db0ff;--brand-ink:#0c1050;--link:#9db0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--soft);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,\
"Noto Sans","Noto Sans Arabic",Arial,sans-serif;overflow-wrap:anywhere}
header{background:var(--sheet);border-top:.3rem solid var(--brand)}
header p{max-width:36.5rem;margin:0 auto;padding:1rem 1.25rem;color:var(--ink);font-weight:700;font-size:.875rem}
main{max-width:36.5rem;margin:1.5rem auto;padding:1.75rem 1.25rem;background:var(--sheet)}
h1{margin:0 0 .75rem;color:var(--ink);font:700 1.75rem/1.2 Georgia,"Times New Roman","Noto Naskh Arabic",serif}
p{margin:0 0 1.25rem}
main>p:last-child,button:last-child{margin-bottom:0}
p bdi{color:var(--ink);font-weight:600}
a bdi{color:inherit;font-weight:inherit}
button{display:block;width:100%;min-height:3rem;margin:0 0 .75rem;padding:.65rem 1rem;border:2px solid var(--brand);\
border-radius:.3rem;background:var(--brand);color:var(--brand-ink);font:inherit;font-weight:700;cursor:pointer}
button.second{border-color:var(--line);background:transparent;color:var(--ink);font-weight:600}
button:hover{text-decoration:underline}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:3px}
footer{max-width:36.5rem;margin:0 auto 2rem;padding:0 1.25rem;font-size:.875rem}
@media (min-width:40rem){main{margin-top:3rem;padding:2.5rem}footer{padding:0 2.5rem}header p{padding:1rem 2.5rem}}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

_JOINED = "\u2060"  # keeps the line from breaking at the dots


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNames:
    """Who asks whom: the newsroom as it is shown, the audience's title, the reader's address (shown masked)."""

    newsroom: str
    contact: str
    newsroom_url: str = ""
    audience: str = ""
    address: str = ""


def leave_page(kind: Kind, words: PageWords, names: PageNames) -> bytes:
    """The whole page, UTF-8. The same kind, words and names give the same bytes."""
    titles = {
        "done": words.done_title,
        "done_every": words.done_title,
        "already": words.done_title,
        "unknown": words.unknown_title,
        "trouble": words.trouble_title,
        "refused": words.refused_title,
    }
    title = titles.get(kind, words.ask_title)
    texts = {"ask": words.ask, "unclear": words.unclear}
    if not names.audience:  # the audience is gone: there is nothing but all of it to leave
        texts["ask"] = words.unclear
    lines = [_filled(texts.get(kind) or getattr(words, kind), names)]
    form = ""
    if kind in ("ask", "unclear"):
        this = f'<button name="leave" value="this">{_filled(words.this, names)}</button>' if names.audience else ""
        form = (
            f'<form method="post">{this}'
            f'<button name="leave" value="all" class="second">{_filled(words.every, names)}</button></form>'
        )
    elif kind in ("done", "done_every", "already"):
        lines.append(_filled(words.mistake, names))
    newsroom = escape(names.newsroom)
    home = f'<a href="{escape(names.newsroom_url)}">{newsroom}</a>' if names.newsroom_url else ""
    return (
        f'<!DOCTYPE html><html lang="{words.language}" dir="{words.direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)} · {newsroom}</title><style>{STYLE}</style></head>"
        f'<body><header><p><bdi>{newsroom}</bdi></p></header><main role="main"><h1>{escape(title)}</h1>'
        f"{''.join(f'<p>{line}</p>' for line in lines)}{form}</main>"
        f"{f'<footer><p>{home}</p></footer>' if home else ''}</body></html>"
    ).encode()


def masked(address: str) -> str:
    """`ann@example.org` as `a…@example.org` on one line: its reader knows it again, nobody else learns it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{_JOINED}…{_JOINED}@{domain}"


def _filled(sentence: str, names: PageNames) -> str:
    contact = escape(names.contact)
    return escape(sentence).format(
        audience=f"<bdi>{escape(names.audience)}</bdi>",
        newsroom=f"<bdi>{escape(names.newsroom)}</bdi>",
        address=f"<bdi>{escape(masked(names.address))}</bdi>",
        contact=f'<a href="mailto:{contact}"><bdi>{contact}</bdi></a>',
    )
