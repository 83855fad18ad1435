"""Everything that can go wrong between two sockets, under three names."""

import http.client
import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from common.transport.addresses import NoAddress
from common.transport.sockets import OutOfTime, TooMuch


class TransportError(Exception):
    """No usable answer; the message is plain words and repeats nothing the host said."""


class Blocked(TransportError):
    """We refuse to go there."""


class Unreachable(TransportError):
    """Name, connection, TLS or time failed; another time may do."""


class Malformed(TransportError):
    """What came back is not HTTP within its limits."""


class Oversized(Malformed):
    """It went on past the limit; what was read until then is right."""


@contextmanager
def plain_words() -> Iterator[None]:
    """Give everything that can go wrong between two sockets one of our three names."""
    try:
        yield
    except TransportError:
        raise
    except NoAddress as error:
        raise Unreachable(str(error)) from error
    except (OutOfTime, TimeoutError, ReadTimeoutError) as error:
        raise Unreachable("it took too long") from error
    except TooMuch as error:
        raise Malformed("it sent more than an answer may hold") from error
    except ssl.SSLError as error:
        raise Unreachable("no trusted TLS connection") from error
    except OSError as error:
        raise Unreachable("no connection, or it was cut") from error
    except ProtocolError as error:
        cut = len(error.args) > 1 and isinstance(error.args[1], OSError)
        raise (Unreachable if cut else Malformed)("its answer broke off or is not HTTP") from error
    except (HTTPError, http.client.HTTPException, ValueError, zlib.error) as error:
        raise Malformed("its answer is not HTTP as we know it") from error
