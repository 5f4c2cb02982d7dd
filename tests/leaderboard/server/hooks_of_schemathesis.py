"""What schemathesis is told of this API: a bundle is sent as bytes are."""

from __future__ import annotations

import schemathesis

schemathesis.serializer.alias("application/gzip", "application/octet-stream")
