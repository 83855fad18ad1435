"""The words by which a form is read, all in lower case: its headings since 2020, and what people translate them to."""

import re

SITES = ("pypi", "testpypi", "your", "my", "my pypi", "your pypi", "account", "registry")
NAME = frozenset(
    {
        "username", "user name", "user-name", "account name", "user id",
        "nombre de usuario", "usuario", "nom d'utilisateur", "nom d’utilisateur", "benutzername", "nutzername",
        "nome de usuário", "nome utente", "имя пользователя", "用户名", "使用者名稱", "ユーザー名", "사용자 이름",
    }
)  # fmt: skip
REASON = frozenset(
    {
        "reason for request", "reason", "reason for the request", "what happened", "what is lost",
        "motivo de la solicitud", "motivo", "motif de la demande", "grund der anfrage", "grund", "motivo do pedido",
        "motivo della richiesta", "причина запроса", "请求原因", "申請理由", "リクエストの理由", "요청 사유",
    }
)  # fmt: skip
CODES = frozenset(
    {
        "recovery codes", "recovery code", "recovery code lost", "recovery codes lost", "códigos de recuperación",
        "codes de récupération", "wiederherstellungscodes", "códigos de recuperação", "恢复代码", "リカバリーコード",
    }
)  # fmt: skip
# What stands in the field of people who name nobody. An account of such a name is asked for in another way.
NO_NAMES = frozenset(
    {
        "username", "your-username", "your_username", "user", "none", "null", "nil", "na", "no", "yes", "unknown",
        "name", "account", "idk", "forgot", "forgotten", "lost", "email", "todo", "same", "github", "pypi", "testpypi",
    }
)  # fmt: skip
FACTOR = re.compile(
    r"2[ -]?fa\b|two[ -]?factor|second[ -]factor|\bmfa\b|multi[ -]?factor|authenticator|authentication app|\btotp\b"
    r"|\botp\b|security (?:key|token|device)|yubi ?key|\bphone\b|smartphone"
    r"|segundo factor|dos factores|autenticador|double authentification|deux facteurs|second facteur|authentificateur"
    r"|zwei-?faktor|zweite[rn]? faktor|dois fatores|segundo fator|secondo fattore|due fattori"
    r"|двухфактор|второй фактор|аутентификатор|双因素|两步验证|雙因素|二要素|二段階|2단계"
)
MAIL = re.compile(
    r"e-?mail|mailbox|inbox|\bmail\b|correo|courriel|postfach|posta|почт|邮箱|郵箱|电子邮件|メール|이메일|\w@\w"
)
STILL_THERE = re.compile(
    r"\bstill (?:have|got|works?)\b|\bhave access\b|\b(?:not|never) lost?\b|n[o']t los[et]\b|\bno longer need\b"
)
CODES_LOST = re.compile(
    r"\b(?:lost|los[et]|no|not|none|never|without)\b|n[o']t\b|perdid|perdu|verloren|потеря|丢失|紛失"
)
CODES_THERE = re.compile(r"\b(?:have|yes|still|got)\b|tengo|j'ai|habe|\bsí\b|有")
