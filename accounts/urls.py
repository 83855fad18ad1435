"""Account pages: ours first, then allauth's for everything we leave as it is."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from accounts.views import addresses, decide, history, keys, profile, security, sign_in, visits

urlpatterns: list[URLPattern | URLResolver] = [
    path("signup/", sign_in.SignUpView.as_view(), name="account_signup"),
    path("correct-address/", addresses.CorrectAddressView.as_view(), name="account_correct_address"),
    path("login/", sign_in.LoginView.as_view(), name="account_login"),
    path("login/key/", sign_in.passkey, name="account_passkey"),
    path("second-factor/", sign_in.SecondFactorView.as_view(), name="account_second_factor"),
    path("step-up/", sign_in.StepUpView.as_view(), name="account_step_up"),
    path("step-up/<str:number>/", decide.DecisionView.as_view(), name="account_decide"),
    path("locked-out/", profile.locked_out, name="account_locked_out"),
    path("email/", addresses.AddressesView.as_view(), name="account_email"),
    re_path(
        r"^confirm-email/(?P<key>[-.:\w]+)/$", addresses.ConfirmAddressView.as_view(), name="account_confirm_email"
    ),
    path("password/change/", sign_in.ChangePasswordView.as_view(), name="account_change_password"),
    path("password/set/", sign_in.SetPasswordView.as_view(), name="account_set_password"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        sign_in.ResetPasswordView.as_view(),
        name="account_reset_password_from_key",
    ),
    path("security/", security.security, name="account_security"),
    path("security/app/", security.totp_start, name="account_totp_start"),
    path("security/app/<int:device_id>/", security.totp_confirm, name="account_totp_confirm"),
    path("security/key/", keys.key_start, name="account_key_start"),
    path("security/key/options/", keys.key_options, name="account_key_options"),
    re_path(
        r"^security/(?P<kind>app|key)/(?P<device_id>[0-9]{1,18})/remove/$",
        security.device_remove,
        name="account_device_remove",
    ),
    re_path(
        r"^security/(?P<kind>app|key)/(?P<device_id>[0-9]{1,18})/rename/$",
        security.device_rename,
        name="account_device_rename",
    ),
    path("security/codes/", security.recovery_codes, name="account_recovery_codes"),
    path("security/codes/new/", security.recovery_codes_shown, name="account_recovery_codes_shown"),
    path("security/codes/saved/", security.recovery_codes_prove, name="account_recovery_codes_prove"),
    path("sessions/", visits.sessions, name="account_sessions"),
    path("sessions/end/", visits.sessions_end, name="account_sessions_end"),
    path("sessions/<uuid:uid>/end/", visits.session_end, name="account_session_end"),
    path("history/", history.account_history, name="account_history"),
    path("history/csv/", history.account_history_csv, name="account_history_csv"),
    path("history/not-me/", history.not_me, name="account_not_me"),
    path("profile/", profile.profile, name="account_profile"),
    path("never-reset/", profile.never_reset, name="account_never_reset"),
    path("freeze/", profile.freeze, name="account_freeze"),
    path("frozen/", profile.frozen, name="account_frozen"),
    path("delete/", profile.delete, name="account_delete"),
    path("", include("allauth.account.urls")),
]
