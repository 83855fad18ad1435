"""This room's part of the sweep."""

from django.conf import settings
from django.db.models.functions import Now

from recoverydesk.channels.models import IncomingMail, IssueForm, Unmatched


def sweep() -> int:
    """Forget what people wrote in their own words once its days are over; returns how many texts."""
    over = Now() - settings.CHANNELS_KEEP
    forms = IssueForm.objects.filter(body__isnull=False, read_at__lt=over)
    mails = IncomingMail.objects.filter(original__isnull=False, received_at__lt=over)
    Unmatched.objects.filter(noted_at__lt=over).delete()
    return forms.update(body=None) + mails.update(original=None, sender="", subject="", attachments=[])
