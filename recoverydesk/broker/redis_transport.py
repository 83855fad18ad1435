"""Celery's transport over Redis, made safe: kombu's ends the worker on a piece of the list that is no message.

Such a piece is taken from the list, logged and forgotten. Its content is not logged: it may hold anything.
"""

import logging
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads

logger = logging.getLogger(__name__)


def is_message(channel: Any, piece: Any) -> bool:
    """Whether kombu can make a message of it, and keep and acknowledge that message."""
    try:
        message = channel.Message(piece, channel=channel)
        place = message.delivery_info
        named = (message.delivery_tag, place["exchange"], place["routing_key"])
        return all(isinstance(one, str) for one in named) and isinstance(message.headers, dict)
    except Exception:
        return False


class QoS(redis.QoS):
    """kombu's list of messages taken and not yet done."""

    channel: Any

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message that nobody finished back into its list; one that cannot be read is forgotten."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
        except Exception as error:
            if isinstance(error, self.channel.connection_errors) and not isinstance(error, KeyError):
                raise  # a KeyError passes for a broken connection, too
            logger.error("what was no message was thrown away")
            with self.channel.conn_or_acquire(client) as there:
                there.pipeline().zrem(self.unacked_index_key, tag).hdel(self.unacked_key, tag).execute()


class Safe:
    """What both channels below do in the place of kombu's."""

    def _brpop_read(self: Any, **options: Any) -> bool:
        """Read the answer to one BRPOP; raises Empty for none, and for what is no message."""
        try:
            key, piece = self._popped(**options) or (b"", None)
            if piece is None:
                raise Empty
            queue = bytes_to_str(key).rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self.connection._deliver(self._parsed(piece), queue)
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        return True

    def _popped(self: Any, **options: Any) -> Any:
        try:
            return self.client.parse_response(self.client.connection, "BRPOP", **options)
        except self.connection_errors:
            self.client.connection.disconnect()  # the next round connects again
            raise

    def _parsed(self, piece: bytes) -> Any:
        try:
            found = loads(bytes_to_str(piece))
        except Exception:  # JSON with hooks for dates, numbers, bytes: each raises its own
            found = None
        if not is_message(self, found):
            logger.error("what was no message was thrown away")
            raise Empty
        return found


class Channel(Safe, redis.Channel):
    """kombu's channel, with messages only."""

    QoS = QoS


class SentinelChannel(Safe, redis.SentinelChannel):
    """The same where sentinels say which Redis it is."""

    QoS = QoS


class Transport(redis.Transport):
    """The transport behind redis:// and rediss:// in this program."""

    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    """The transport behind sentinel:// in this program."""

    Channel = SentinelChannel


def install() -> None:
    """Let redis://, rediss:// and sentinel:// mean these transports."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "recoverydesk.broker.redis_transport:Transport"
    TRANSPORT_ALIASES["sentinel"] = "recoverydesk.broker.redis_transport:SentinelTransport"
