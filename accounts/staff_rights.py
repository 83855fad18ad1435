"""Who is staff, as words: what a change of rights decides, and what it changes from."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from accounts.decisions import Decision
from accounts.models import User


def described(*, is_staff: bool, is_superuser: bool, groups: Iterable[Group]) -> str:
    """These rights in one line; "–" for none."""
    flags = [name for name, there in (("superuser", is_superuser), ("staff", is_staff)) if there]
    return ", ".join([*flags, *sorted(group.name for group in groups)]) or "–"


def rights_of_user(user: User) -> str:
    """The rights of this account as they are in the database."""
    row = User.objects.get(pk=user.pk)
    return described(is_staff=row.is_staff, is_superuser=row.is_superuser, groups=row.groups.all())


def decision(user: User, wanted: str) -> Decision:
    """To give this account those rights instead of the present ones."""
    return Decision("staff_rights", f"account:{user.uid}", f"{rights_of_user(user)} > {wanted}")


def words(user: User, wanted: str) -> list[str]:
    """The same for the page that asks for the second factor."""
    rights = {"now": rights_of_user(user), "then": wanted}
    change = _("Before: %(now)s. After: %(then)s.") % rights
    return [_("Change the staff rights of %(name)s.") % {"name": user.username}, change]
