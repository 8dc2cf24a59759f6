"""Exit 0 if the service in this container answers 200 at /healthz, else 1 with the reason.

Standard library only. `http.client` and not `urllib`, which would ask a proxy named in the environment.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException


def main() -> str | None:
    """The reason why the service is not healthy; None if it is."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8080), timeout=4)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"/healthz: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if status == 200 else f"/healthz answered {status}"


if __name__ == "__main__":
    sys.exit(main())
