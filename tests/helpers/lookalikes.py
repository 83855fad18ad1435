"""Texts that look like the secrets of a log line."""

KEY = "17." + "aB3_-" * 8 + "xyz"
BRANCH = "000-recovery-abcdefghijklmnopqrstuvwxyz"
TOKEN = "recoverydesk-AgEQcmVnaXN0cnkuZXhhbXBs" + "A" * 60
