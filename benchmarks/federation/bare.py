"""The least that such a service can cost: aiohttp with TLS and client certificates, a body that is read.

`python -m benchmarks.federation.bare CERTIFICATE AUTHORITY`; prints its port.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

from aiohttp import web

from proxy.event_loop import new_event_loop

HOST = "127.0.0.1"


async def _take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


async def _serve(certificate: str, authority: str) -> None:
    application = web.Application()
    application.router.add_put("/v1/contributions/{service_type}", _take)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=context).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]), loop_factory=new_event_loop)
