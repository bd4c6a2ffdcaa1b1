"""Times as Harbor's API tells them."""

import datetime


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def text(time):
    """RFC 3339 in UTC, with milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def seconds(time):
    """Since 1970, whole."""
    return int(time.timestamp())
