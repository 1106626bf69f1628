"""HTTP/1.1 and WebSocket as this gateway speaks them: strict, bounded, one call after the other.

`layer` stands where mitmproxy's own HTTP layer would, under its TLS and socket handling. It reads a request whole
(`request_reader`), asks whether it may pass (`call`), sends on what was judged (`serialiser`), and streams the answer
(`response_reader`). An upgraded connection is relayed message by message (`relay`).
"""
