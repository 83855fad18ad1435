"""Why a change of second factors is refused. `second_factors` is the one that raises and exports these."""


class FactorRefused(Exception):
    """A change of second factors that the rules forbid; nothing was changed."""


class FactorNeedsVerifiedAddress(FactorRefused):
    """A second factor needs a verified primary address first."""


class NoPrimaryFactor(FactorRefused):
    """Recovery codes exist only beside an authenticator app or a security key."""


class LastFactor(FactorRefused):
    """This account must keep at least one authenticator app or security key."""


class OtherUsersDevice(FactorRefused):
    """The device belongs to somebody else."""
