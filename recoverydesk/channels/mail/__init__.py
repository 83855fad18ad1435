"""Mail that comes in: read (`reading`), threaded (`reply_addresses`), and kept or acted on (`receiving`)."""
