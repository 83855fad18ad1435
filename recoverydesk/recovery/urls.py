"""The public pages of the ticket office."""

from django.urls import path

from recoverydesk.recovery.public import proof_views, views

urlpatterns = [
    path("", views.recover, name="recover"),
    path("received/", views.received, name="recover_received"),
    path("mine/", views.mine, name="recover_mine"),
    path("beside/", views.beside, name="recover_beside"),
    path("policy/", views.policy, name="recover_policy"),
    path("status/<str:key>/", views.status, name="recover_status"),
    path("status/<str:key>/key/", proof_views.key_options, name="recover_key_options"),
    path("stop/<str:key>/", views.stop, name="recover_stop"),
    path("password/<str:key>/", views.password, name="recover_password"),
]
