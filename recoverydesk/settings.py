"""Django settings, read from the environment alone. `.env.example` lists every name, type and default."""

import os
from datetime import timedelta
from email.utils import formataddr
from urllib.parse import urlsplit

import django_stubs_ext
from django.utils.translation import gettext_lazy as _

from recoverydesk import places, settings_rules
from recoverydesk.environment import LEVELS, Environment
from recoverydesk.projects.guard_levels import LEVELS as GUARD_LEVELS
from recoverydesk.publishers import issuers
from recoverydesk.rate_limits import RATE_LIMITS

django_stubs_ext.monkeypatch()

env = Environment(os.environ)

# Local or production ------------------------------------------------------------------------------------------------
PORT = env.number("PORT", default=8000, at_least=1, at_most=65535)
BASE_URL = settings_rules.base_url(env.text("BASE_URL", default=f"http://localhost:{PORT}"))
PRODUCTION = BASE_URL.startswith("https:")
HOST = urlsplit(BASE_URL).hostname or ""
if places.INSTALLED:
    settings_rules.require_folder(env)
VAR_DIR = env.folder("VAR_DIR", default=places.CHECKOUT / "var")
if PRODUCTION:
    settings_rules.require(env)
DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        ["postgres", "postgresql", *([] if PRODUCTION else ["sqlite"])],
        default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}",
    )
}
if not PRODUCTION:
    settings_rules.refuse_half_a_production(env, DATABASES["default"]["HOST"])
    env.add(settings_rules.local_secrets(VAR_DIR))

DEBUG = env.flag("DEBUG", default=False)
DEMO = env.flag("DEMO", default=False)
FAIL_POINTS = env.text("FAIL_POINTS")  # see common/failpoints.py

SECRET_KEY = env.secret("SECRET_KEY")
FIELD_KEYS = env.keys("FIELD_KEYS")
(AUDIT_KEY,) = env.keys("AUDIT_KEY", most=1)
AUDIT_OLD_PUBLIC_KEYS = env.keys("AUDIT_OLD_PUBLIC_KEYS")
AUDIT_DETAIL_RETENTION = env.days("AUDIT_DETAIL_RETENTION_DAYS", default=365, at_least=0, at_most=36500)
AUDIT_SINK = env.sink("AUDIT_SINK", plain_http=not PRODUCTION)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default=HOST)
settings_rules.refuse_closed_hosts(HOST, ALLOWED_HOSTS)
SITE_NAME = env.text("SITE_NAME", default="RecoveryDesk", pattern=".{1,60}", wanted="give at most 60 characters")
TOKEN_PREFIX = env.text(
    "TOKEN_PREFIX",
    default="recoverydesk",
    pattern="[A-Za-z][A-Za-z0-9_]{2,39}",
    wanted="give 3 to 40 letters, digits and underscores, a letter first",
)
TOKEN_MAX_DAYS = env.number("TOKEN_MAX_DAYS", default=365, at_least=1, at_most=365, unit="days")
TOKEN_WITHOUT_EXPIRY = env.flag("TOKEN_WITHOUT_EXPIRY", default=False)

# Rooms --------------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "recoverydesk.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_otp",
    "django_otp_webauthn",
    "audit",
    "accounts",
    "tokens",
    "recoverydesk.projects",
    "recoverydesk.staging",
    "recoverydesk.publishers",
    "recoverydesk.upload",
    "recoverydesk.recovery",
    "recoverydesk.channels",
    "recoverydesk.backups",
    "recoverydesk.invariants",
    "recoverydesk.operating",
    "recoverydesk.populating",
    "recoverydesk.statistics",
    *(["recoverydesk.demo"] if DEMO else []),
]
MIDDLEWARE = [
    "recoverydesk.log_ids.numbered",
    "recoverydesk.operating.metrics.http.timed",
    "recoverydesk.headers.without_body",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "recoverydesk.headers.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "recoverydesk.proxies.counted",
    "recoverydesk.upload.sessionless.without_session",
    "accounts.mail.glued.unglued",
    "accounts.middleware.SessionMiddleware",
    "accounts.middleware.no_store",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.signed_in",
    "recoverydesk.error_pages.worded",
    "recoverydesk.text_only.TextOnly",
    "recoverydesk.upload.private.Private",
    "accounts.page_limits.PageLimits",
]
ROOT_URLCONF = "recoverydesk.urls"
WSGI_APPLICATION = "recoverydesk.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [places.FILES / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.site",
            ],
        },
    }
]

# Data ---------------------------------------------------------------------------------------------------------------
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE_CACHE = {"MAX_ENTRIES": 20_000}  # of Django's 300 a few hundred visitors push out those that count an attacker
CACHES = {
    "default": env.cache(
        "CACHE_URL",
        [
            "rediscache",
            "redis",
            "rediss",
            "dbcache",
            *([] if PRODUCTION else ["locmemcache", "filecache", "dummycache"]),
        ],
        default="dbcache://cache",
    )
}
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.db.DatabaseCache":
    CACHES["default"]["BACKEND"] = "recoverydesk.database.cache.Cache"
    CACHES["default"]["OPTIONS"] = {**DATABASE_CACHE, **CACHES["default"].get("OPTIONS", {})}

# Background work: a message is only a wake-up, the truth is a row ---------------------------------------------------
QUEUE_DIR = VAR_DIR / "queue"
CELERY_BROKER_URL = env.broker(
    "BROKER_URL",
    ["redis", "rediss", "sentinel", "amqp", "amqps", *([] if PRODUCTION else ["filesystem", "memory"])],
    default="filesystem://localhost",
)
if CELERY_BROKER_URL.startswith("filesystem://"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(QUEUE_DIR / "control"),
        "store_processed": False,
        "polling_interval": 0.2,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_LOST_WAIT = 1  # seconds; nobody waits for a result of a task that was killed
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a worker does not keep the wake-ups its threads have no time for
CELERY_WORKER_CONSUMER = "recoverydesk.broker.consumer:Consumer"
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # who can write to the broker could end every worker with it
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
SWEEP_EVERY = env.number("SWEEP_EVERY", default=5, at_least=1, at_most=300, unit="seconds")
CELERY_BEAT_SCHEDULER = "recoverydesk.broker.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "recoverydesk.recovery.tasks.sweep", "schedule": timedelta(seconds=SWEEP_EVERY)},
    "seal": {"task": "audit.tasks.seal", "schedule": timedelta(seconds=5)},
    **({"sink": {"task": "audit.tasks.deliver", "schedule": timedelta(seconds=30)}} if AUDIT_SINK else {}),
}

# Due work of rooms the ticket office may not import: part of every sweep (recovery/background/chores.py) -------------
CHORES = {
    "set_back": "recoverydesk.housekeeping.set_back.run",
    "accounts": "accounts.chores.run",
    "seals": "audit.chores.seal",
    "erased": "audit.chores.erase",
    "forgotten": "recoverydesk.housekeeping.forgetting.run",
    "letters": "recoverydesk.housekeeping.checkpoint_mail.send_checkpoint",
    "statistics": "recoverydesk.statistics.computing.refresh",
    "tokens": "tokens.sweeping.sweep",
    "roles": "recoverydesk.projects.rests.sweep",
    "invitations": "recoverydesk.projects.mail_invitations.forget",
    "staged": "recoverydesk.staging.expiring.sweep",
    "guards": "recoverydesk.projects.guard_changes.sweep",
    "publishers": "recoverydesk.publishers.sweeping.sweep",
    "channels": "recoverydesk.channels.sweeping.sweep",
    "retention": "recoverydesk.housekeeping.retention.run",
}

# Mail ---------------------------------------------------------------------------------------------------------------
MAIL_DIR = VAR_DIR / "mail"
EMAIL_BACKEND = "accounts.mail.folder.EmailBackend"
vars().update(
    env.email(
        "EMAIL_URL",
        [
            *("smtp", "smtps", "smtp+tls", "smtp+ssl"),
            *(() if PRODUCTION else ("consolemail", "filemail", "memorymail", "dummymail")),
        ],
    )
)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.address("DEFAULT_FROM_EMAIL", default=formataddr((SITE_NAME, f"desk@{HOST}")))
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# Accounts -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
] + [{"NAME": f"accounts.passwords.{name}"} for name in ("LongestPasswordValidator", "StrengthValidator")]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "account_security"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_USERNAME_MIN_LENGTH = 1
ACCOUNT_USERNAME_VALIDATORS = "accounts.usernames.validators"
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_MAX_EMAIL_ADDRESSES = 10
ACCOUNT_CHANGE_EMAIL = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = False
ACCOUNT_LOGIN_TIMEOUT = 900
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "signup": "accounts.forms.SignUpForm",
    "add_email": "accounts.forms.AddAddressForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "user_token": "accounts.forms.UserTokenForm",
}
ACCOUNT_RATE_LIMITS = RATE_LIMITS
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", default=0, at_least=0, at_most=10)
OTP_TOTP_ISSUER = SITE_NAME
OTP_WEBAUTHN_RP_ID = HOST
OTP_WEBAUTHN_RP_NAME = SITE_NAME
OTP_WEBAUTHN_ALLOWED_ORIGINS = [BASE_URL]
OTP_WEBAUTHN_HELPER_CLASS = "accounts.webauthn.Helper"
OTP_WEBAUTHN_SUPPORTED_COSE_ALGORITHMS = [-8, -7, -257]  # EdDSA, ES256, RS256
OTP_WEBAUTHN_TIMEOUT_SECONDS = 300
OTP_WEBAUTHN_EXCEPTION_LOGGER_NAME = ""  # refusals are events
SECOND_FACTOR_REQUIRED = env.one_of(
    "SECOND_FACTOR_REQUIRED", ("off", "staff", "project_owners", "everyone"), default="staff"
)
SECOND_FACTOR_REQUIRED_FROM = env.day("SECOND_FACTOR_REQUIRED_FROM")
SECOND_FACTOR_FIRST = ["/account/", "/projects/"]  # closed to who owes one, but for requirement.OPEN
STAFF_STEP_UP = env.one_of(
    "STAFF_STEP_UP", ["webauthn"] if PRODUCTION else ["webauthn", "any"], default="webauthn" if PRODUCTION else "any"
)
RECENT_SECOND_FACTOR = timedelta(minutes=5)
QUARANTINE_AFTER_SIGN_IN = timedelta(hours=72)
NOTICE_AFTER_REMOVAL = timedelta(days=30)
NEVER_RESET_ENDS_AFTER = timedelta(days=7)
CHECKUP_EVERY = timedelta(days=182)
OWN_FREEZE_OPENS_FOR = timedelta(days=30)  # age of a second factor that lifts its owner's freeze

# Questions that accounts asks of the rooms above it (accounts/hooks.py) ---------------------------------------------
ACCOUNTS_HOOKS = {
    "may_change_address": "recoverydesk.recovery.hooks.may_change_address",
    "co_owns": "recoverydesk.recovery.hooks.co_owns",
    "may_delete_account": "recoverydesk.recovery.hooks.may_delete_account",
    "must_have_second_factor": "recoverydesk.recovery.hooks.must_have_second_factor",
    "owns_projects": "recoverydesk.recovery.hooks.owns_projects",
    "holds_anything": "recoverydesk.recovery.hooks.holds_anything",
    "account_deleted": "recoverydesk.recovery.hooks.account_deleted",
    "signed_in": "recoverydesk.recovery.hooks.signed_in",
    "alarm": "recoverydesk.recovery.hooks.alarm",
    "password_link": "recoverydesk.recovery.hooks.password_link",
    "banners": "recoverydesk.recovery.hooks.banners",
    "mail_secrets": "recoverydesk.recovery.hooks.mail_secrets",
    "reply_to": "recoverydesk.channels.mail.reply_addresses.reply_to",
    "envelope_sender": "recoverydesk.channels.mail.reply_addresses.envelope_sender",
}

# News of the ticket office for the rooms above it (recovery/background/intake.py) ------------------------------------
RECOVERY_HOOKS = {"unmatched": "recoverydesk.channels.unmatched.note"}

# Questions that tokens asks of the rooms above it (tokens/hooks.py) --------------------------------------------------
TOKENS_HOOKS = {
    "projects_of": "recoverydesk.upload.hooks.projects_of",
    "co_owners": "recoverydesk.upload.hooks.co_owners",
    "plan_upload": "recoverydesk.upload.hooks.plan_upload",
    "terms": "recoverydesk.upload.hooks.terms",
}

# Uploads and index --------------------------------------------------------------------------------------------------
UPLOADS = env.flag("UPLOADS", default=True)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6_000  # a requirement and an extra are a field each; large projects have 1,600
UPLOAD_MAX_MIB = env.number("UPLOAD_MAX_MIB", default=100, at_least=1, at_most=10240, unit="MiB")
UPLOAD_PLAIN_LINUX_WHEELS = env.flag("UPLOAD_PLAIN_LINUX_WHEELS", default=False)
INDEX_PRIVATE = env.flag("INDEX_PRIVATE", default=False)
SECOND_FACTOR_FIRST += ["/simple/", "/pypi/", "/search/"] if INDEX_PRIVATE else []  # a password alone reads none of it
INDEX_FALLBACK_URL = env.parsed(
    "INDEX_FALLBACK_URL",
    settings_rules.index_address,
    default="off",
    wanted="give the https:// address of an index, such as https://registry.example/simple/, or off",
)
UPLOAD_RELEASE_OPEN_DAYS = env.number("UPLOAD_RELEASE_OPEN_DAYS", default=14, at_least=0, at_most=3650, unit="days")
SIGN_UP = env.one_of("SIGN_UP", ("open", "closed"), default="closed" if INDEX_PRIVATE else "open")
settings_rules.refuse_open_fallback(INDEX_FALLBACK_URL, HOST, SIGN_UP)

# Guards of projects (recoverydesk/projects/guards.py): the least strict level for all, and for critical ones ----------
GUARDS = {
    "second_factor": env.one_of("GUARD_SECOND_FACTOR", GUARD_LEVELS["second_factor"], default="off"),
    "project_tokens": env.one_of("GUARD_PROJECT_TOKENS", GUARD_LEVELS["project_tokens"], default="off"),
    "token_days": env.one_of("GUARD_TOKEN_DAYS", GUARD_LEVELS["token_days"], default="off"),
    "token_factor": env.one_of("GUARD_TOKEN_FACTOR", GUARD_LEVELS["token_factor"], default="off"),
    "newer_versions": env.one_of("GUARD_NEWER_VERSIONS", GUARD_LEVELS["newer_versions"], default="off"),
    "only_publishers": env.one_of("GUARD_ONLY_PUBLISHERS", GUARD_LEVELS["only_publishers"], default="off"),
}
GUARDS_CRITICAL = {
    "second_factor": env.one_of("GUARD_SECOND_FACTOR_CRITICAL", GUARD_LEVELS["second_factor"], default="off"),
    "project_tokens": env.one_of("GUARD_PROJECT_TOKENS_CRITICAL", GUARD_LEVELS["project_tokens"], default="off"),
    "token_days": env.one_of("GUARD_TOKEN_DAYS_CRITICAL", GUARD_LEVELS["token_days"], default="off"),
    "token_factor": env.one_of("GUARD_TOKEN_FACTOR_CRITICAL", GUARD_LEVELS["token_factor"], default="off"),
    "newer_versions": env.one_of("GUARD_NEWER_VERSIONS_CRITICAL", GUARD_LEVELS["newer_versions"], default="off"),
    "only_publishers": env.one_of("GUARD_ONLY_PUBLISHERS_CRITICAL", GUARD_LEVELS["only_publishers"], default="off"),
}
GUARD_SECOND_FACTOR_FROM = env.day("GUARD_SECOND_FACTOR_FROM")

# Trusted publishers -------------------------------------------------------------------------------------------------
PUBLISHER_ISSUERS = env.parsed("PUBLISHER_ISSUERS", issuers.read, default=issuers.DEFAULT, wanted=issuers.WANTED)

# Who tells us of tokens that lie in public, in GitHub's protocol -----------------------------------------------------
LEAK_KEYS_URL = env.parsed(
    "LEAK_KEYS_URL",
    settings_rules.https_address,
    default="https://api.github.com/meta/public_keys/secret_scanning",
    wanted="give an address that begins with https://, or off",
)
LEAK_KEYS_PRIVATE = False  # a test's own keys lie on this machine

# Who finds a hole ---------------------------------------------------------------------------------------------------
SECURITY_CONTACT = env.text(
    "SECURITY_CONTACT",
    pattern=r"(mailto:[^\s@]+@[^\s@]+|https://\S+)",
    wanted="give mailto: and an address, or an address that begins with https://",
)

# Sessions and headers -----------------------------------------------------------------------------------------------
SESSION_ENGINE = "accounts.sessions"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # bound to its session, in no cookie
SESSION_COOKIE_AGE = 12 * 3600
SESSION_LIFETIME = timedelta(hours=12)  # from sign-in, however busy
STAFF_SESSION_LIFETIME = timedelta(hours=8)
STAFF_IDLE = timedelta(minutes=15)
BROWSER_COOKIE_NAME = "__Host-browser" if PRODUCTION else "browser"
SESSION_COOKIE_NAME = "__Host-session" if PRODUCTION else "session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_NAME = "__Host-language" if PRODUCTION else "language"
LANGUAGE_COOKIE_SECURE = PRODUCTION
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$", r"^legacy/$"]
SECURE_HSTS_SECONDS = 365 * 86400 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD", default=False)
settings_rules.refuse_half_a_preload(SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_TLS_PROXY = env.flag("BEHIND_TLS_PROXY", default=False)
settings_rules.refuse_proxy_without_count(BEHIND_TLS_PROXY, ALLAUTH_TRUSTED_PROXY_COUNT)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# The desk's numbers (recovery/policy.py reads them) -----------------------------------------------------------------
WAITS = {"at_least": 3600 if PRODUCTION else 0, "at_most": 90 * 86400}  # seconds in which owners can say no
RECOVERY_AUTO_CHALLENGE = env.flag("RECOVERY_AUTO_CHALLENGE", default=True)
RECOVERY_OBJECTION_WINDOW = env.seconds("RECOVERY_OBJECTION_WINDOW", default=24 * 3600, **WAITS)
RECOVERY_OBJECTION_WINDOW_CRITICAL = env.seconds("RECOVERY_OBJECTION_WINDOW_CRITICAL", default=72 * 3600, **WAITS)
RECOVERY_WAIT_WITHOUT_BOUNDARY = env.seconds("RECOVERY_WAIT_WITHOUT_BOUNDARY", default=7 * 86400, **WAITS)
RECOVERY_WAIT_CAREFUL = env.seconds("RECOVERY_WAIT_CAREFUL", default=7 * 86400, **WAITS)
RECOVERY_WAIT_NEW_CONTACT = env.seconds("RECOVERY_WAIT_NEW_CONTACT", default=14 * 86400, **WAITS)
RECOVERY_WAIT_NOTHING_BOUND = env.seconds("RECOVERY_WAIT_NOTHING_BOUND", default=30 * 86400, **WAITS)
RECOVERY_TWO_PERSON = env.one_of("RECOVERY_TWO_PERSON", ("policy", "always"), default="policy")
RECOVERY_HUMAN_RESET = env.flag("RECOVERY_HUMAN_RESET", default=True)
RECOVERY_EXPIRES_AFTER = env.days("RECOVERY_EXPIRES_AFTER_DAYS", default=14, at_least=1, at_most=365)
RECOVERY_YOUNG_LINK = env.days("RECOVERY_YOUNG_LINK_DAYS", default=30, at_least=1, at_most=365)
RECOVERY_RETIRES_AFTER = env.days("RECOVERY_RETIRES_AFTER_DAYS", default=365, at_least=30, at_most=36500)
RECOVERY_OBJECT_WITHIN = env.days("RECOVERY_OBJECT_WITHIN_DAYS", default=7, at_least=1, at_most=365)
RECOVERY_ISSUE_TRACKER = env.link("RECOVERY_ISSUE_TRACKER", default="")
RECOVERY_PROFILE_URLS = env.links("RECOVERY_PROFILE_URLS")
RECOVERY_CONTACT_URL = env.link("RECOVERY_CONTACT_URL", default=BASE_URL + "/recover/policy/")
CODE_HOST_PORT = env.number("CODE_HOST_PORT", default=8001, at_least=1, at_most=65535)

# Channels: where requests and answers arrive besides the pages --------------------------------------------------------
MAIL_REPLY_ADDRESS = env.text(
    "MAIL_REPLY_ADDRESS",
    pattern=r"[A-Za-z0-9._-]{1,20}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*",
    wanted="give a mail address of at most 20 letters before the @, such as recover@desk.example.org",
)
MAIL_AUTHSERV_ID = env.text(
    "MAIL_AUTHSERV_ID", pattern=r"[A-Za-z0-9._-]{1,253}", wanted="give the name in your server's Authentication-Results"
)
CHANNELS_KEEP = env.days("CHANNELS_KEEP_DAYS", default=30, at_least=1, at_most=3650)

# How long what is over is kept (ADR 0186) -----------------------------------------------------------------------------
STATUS_PAGES = 90  # days that a status page tells the end: nothing of it goes before
KEEP_MAILS = env.days("KEEP_MAILS_DAYS", default=365, at_least=STATUS_PAGES, at_most=36500)
KEEP_PROBES = env.days("KEEP_PROBES_DAYS", default=365, at_least=STATUS_PAGES, at_most=36500)
KEEP_REQUESTS = env.days("KEEP_REQUESTS_DAYS", default=1, at_least=1, at_most=30)
KEEP_BROWSERS = env.days("KEEP_BROWSERS_DAYS", default=365, at_least=30, at_most=400)
settings_rules.refuse_short_keeping(
    RECOVERY_OBJECT_WITHIN, {"KEEP_MAILS_DAYS": KEEP_MAILS, "KEEP_PROBES_DAYS": KEEP_PROBES}
)

# Language, files, logs ----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [places.FILES / "locale"]
FORMAT_MODULE_PATH = "accounts.formats"
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION or DEMO
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not (PRODUCTION or DEMO)
WHITENOISE_ROOT = places.PACKAGE / "root"  # /favicon.ico, /robots.txt
MEDIA_ROOT = VAR_DIR / "files"
if not PRODUCTION:
    for folder in (STATIC_ROOT, QUEUE_DIR / "control", MAIL_DIR, MEDIA_ROOT):
        folder.mkdir(parents=True, exist_ok=True)
LOG_LEVEL = env.one_of("LOG_LEVEL", LEVELS, default="INFO" if PRODUCTION else "WARNING")
METRICS_TOKEN = env.secret("METRICS_TOKEN")
settings_rules.refuse_short_token("METRICS_TOKEN", METRICS_TOKEN)
READYZ_KEEPS = timedelta(seconds=2)  # an answer of /readyz, whoever asks
LOG_FORMAT = env.one_of("LOG_FORMAT", ("json", "words"), default="json" if PRODUCTION else "words")
LOGGING_CONFIG = "recoverydesk.logs.configure"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "recoverydesk.logs.formatter", "as_json": LOG_FORMAT == "json"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
SILENCED_SYSTEM_CHECKS = [
    "security.W005",
    "security.W021",
]  # HSTS_SUBDOMAINS, HSTS_PRELOAD: the site's choice

# What only several of them together can tell ------------------------------------------------------------------------
if PRODUCTION:
    settings_rules.refuse_local_only(
        {"DEBUG": DEBUG, "DEMO": DEMO, "FAIL_POINTS": FAIL_POINTS, "ALLOWED_HOSTS": "*" in ALLOWED_HOSTS}
    )
    settings_rules.refuse_weak_secrets(SECRET_KEY, FIELD_KEYS, AUDIT_KEY)
settings_rules.refuse_misspelt(env, os.environ)
