"""How often what may be asked. settings.ACCOUNT_RATE_LIMITS; counted in accounts/throttle.py.

"20/5m/ip" is twenty in five minutes from one network (an IPv4 address, an IPv6 /64). `user` is the account that is
signed in (a network where nobody is), `key` what the counting place names: an account, a mailed link, a token. Every
POST of a page that is not the desk's, and every page behind a mailed link, is counted under the name of its address;
one without a line under "page". None: the page's own code counts, under another name.
"""

RATE_LIMITS: dict[str, str | None] = {
    # allauth's own, which neither say when nor know our networks: off, each page has its line below
    "change_password": None,
    "confirm_email": None,  # its answers would differ; accounts/mail/limits.py counts every mail
    "login": None,
    "manage_email": None,
    "reauthenticate": None,
    "reset_password": None,
    "reset_password_from_key": None,
    "signup": None,
    # Pages
    "page": "120/5m/user",
    "account_change_password": "5/m/user",
    "account_confirm_email": "60/5m/ip,20/5m/key",
    "account_correct_address": "20/m/ip",
    "account_decide": "120/5m/ip",
    "account_email": "10/m/user",
    "account_key_options": "60/5m/ip",
    "account_login": "30/m/ip",
    "account_passkey": "30/5m/ip",
    "account_reauthenticate": "10/m/user",
    "account_reset_password": "20/m/ip",
    "account_reset_password_from_key": "20/m/ip",
    "account_second_factor": "60/5m/ip",
    "account_set_password": "5/m/user",
    "account_signup": "20/m/ip",
    "account_step_up": "60/5m/ip",
    "recover_beside": "30/5m/user",
    "recover_key_options": "60/5m/ip",
    "recover_mine": "30/5m/user",
    # Pages behind a mailed link: by the link, so that no neighbour in a network keeps an owner from their stop link
    "recover_password": "30/5m/key",
    "recover_status": "60/5m/key",
    "recover_stop": "30/5m/key",
    "dead_link": "60/5m/ip",  # keys that open nothing
    # Sign-in: wrong passwords of one browser or network at one account, of all networks at one account
    "login_failed": "20/m/ip,5/5m/key",
    "login_account": "50/15m/key",
    "second_factor": "10/5m/key",
    "step_up": "10/5m/key",
    "decide": "60/5m/key",
    "correct_address": "3/15m/key",
    # Other doors
    "recover_request": "20/h/ip",
    "recover_proof": "10/15m/key",
    "api_token": "120/m/ip",
    "api_token_key": "60/m/key",
    "index_refused": "600/5m/ip",
    "search": "60/m/ip",
    "staged": "600/5m/ip",
    "legacy": None,
    "leak_report": "600/5m/ip",
    "leak_reports": None,
    "oidc_burn": None,
    "oidc_mint": None,
    "publisher_token": "600/5m/ip",
    "upload": "600/5m/ip",
    "upload_account": "600/5m/key",
}
