"""What the public page says, in each language it speaks. Placeholders: {audience}, {newsroom}, {address}, {contact}.

The values are plain text; the page escapes them. English is what a reader gets whose languages are none of these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """One language's sentences."""

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


def chosen(accept_language: str, otherwise: str) -> PageWords:
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
