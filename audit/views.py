"""The one public page of the log: the key its seals verify with."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from audit.chain import signing


@require_safe
def key(request: HttpRequest) -> JsonResponse:
    """Today's public key (Ed25519, unpadded url-safe base64) and its name, and the older ones that still count."""
    names = list(signing.trusted())
    today = signing.public_key()
    return JsonResponse({"key_id": signing.key_id(today), "key": signing.public_text(today), "older": names[1:]})
