"""RecoveryDesk: account recovery for package registries and code communities."""

__version__ = "0.2.0"
