"""Running the program: the command `recoverydesk`, its processes and its settings file."""
