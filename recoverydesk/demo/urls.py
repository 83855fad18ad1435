"""URLs under /demo/, there only while settings.DEMO is on."""

from django.urls import path

from recoverydesk.demo import views

urlpatterns = [
    path("", views.login_list, name="demo"),
    path("inbox/", views.inbox_list, name="demo_inbox"),
    path("inbox/<str:name>/", views.inbox_letter, name="demo_letter"),
]
