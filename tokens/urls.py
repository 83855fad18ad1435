"""The pages of one's own tokens."""

from django.urls import path

from tokens.views import pages

urlpatterns = [
    path("", pages.listing, name="tokens"),
    path("new/", pages.make_token, name="token_make"),
    path("new/made/", pages.made, name="token_made"),
    path("revoke/", pages.revoke_all, name="tokens_revoke"),
    path("<uuid:token_id>/", pages.detail, name="token"),
    path("<uuid:token_id>/revoke/", pages.revoke, name="token_revoke"),
    path("<uuid:token_id>/confirm/", pages.confirm, name="token_confirm"),
]
