"""The command `recoverydesk`, its processes, and what it tells operators."""
