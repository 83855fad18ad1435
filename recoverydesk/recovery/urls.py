"""The public pages of the ticket office."""

from django.urls import path

from recoverydesk.recovery.public import account_views, password_views, proof_views, views

urlpatterns = [
    path("", views.recover, name="recover"),
    path("received/", views.received, name="recover_received"),
    path("mine/", account_views.mine, name="recover_mine"),
    path("beside/", account_views.co_owner_page, name="recover_beside"),
    path("needed/", account_views.needed, name="recover_needed"),
    path("policy/", views.policy, name="recover_policy"),
    path("status/<str:key>/", views.status, name="recover_status"),
    path("status/<str:key>/key/", proof_views.key_options, name="recover_key_options"),
    path("stop/<str:key>/", views.stop, name="recover_stop"),
    path("password/<str:key>/", password_views.password, name="recover_password"),
]
