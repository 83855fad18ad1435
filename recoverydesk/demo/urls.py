"""URLs under /demo/, there only while settings.DEMO is on."""

from django.urls import path

from recoverydesk.demo import views

urlpatterns = [
    path("", views.login_list, name="demo"),
    path("inbox/", views.inbox_list, name="demo_inbox"),
    path("inbox/<str:name>/", views.inbox_letter, name="demo_letter"),
    path("styles/", views.styles_page, name="demo_styles"),
    path("styles/desk/", views.styles_desk_page, name="demo_styles_desk"),
    path("styles/<str:name>/", views.styles_error_page, name="demo_styles_error"),
]
