package e2e

import (
	"net"
	"os/exec"
	"testing"
)

// tornado passes on what is below a path as jupyter-server-proxy does (handlers.py), by the
// same server and the same client: whole answers, without the path, and a WebSocket between
// two, of which the first subprotocol has been chosen before the desktop is asked.
const tornado = `import asyncio, sys
from tornado import web, websocket
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

path, upstream, port = sys.argv[1:]
HOP_BY_HOP = ["Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Connection", "Trailer", "Upgrade"]


class Proxy(websocket.WebSocketHandler):
    def there(self, scheme, rest):
        return f"{scheme}://{upstream}/{rest}" + ("?" + self.request.query if self.request.query else "")

    async def get(self, rest):
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            await super().get(rest)
        else:
            await self.http(rest)

    async def http(self, rest):
        headers = self.request.headers.copy()
        for name in HOP_BY_HOP:
            headers.pop(name, None)
        for name in ["X-Forwarded-Context", "X-ProxyContextPath", "X-Forwarded-Prefix"]:
            headers[name] = path.rstrip("/")
        body = self.request.body or (b"" if self.request.method in ("POST", "PUT") else None)
        answer = await SimpleAsyncHTTPClient(force_instance=True).fetch(
            HTTPRequest(self.there("http", rest), self.request.method, headers, body, follow_redirects=False, decompress_response=False),
            raise_error=False,
        )
        if answer.error and type(answer.error) is not HTTPClientError:
            raise web.HTTPError(500, str(answer.error))
        self.set_status(answer.code, answer.reason)
        for name in list(self._headers):
            self.clear_header(name)
        for name, value in answer.headers.get_all():
            if name not in ("Content-Length", "Transfer-Encoding", "Connection"):
                self.add_header(name, value)
        if answer.body:
            self.write(answer.body)

    post = put = patch = delete = head = http

    def select_subprotocol(self, offered):
        self.offered = offered
        return offered[0] if offered else None

    async def open(self, rest):
        request = HTTPRequest(self.there("ws", rest), headers=self.request.headers)
        self.desktop = await websocket.websocket_connect(request, on_message_callback=self.back, subprotocols=getattr(self, "offered", None))

    def on_message(self, message):
        self.desktop.write_message(message, isinstance(message, bytes))

    def back(self, message):
        if message is None:
            self.close()
        else:
            self.write_message(message, isinstance(message, bytes))

    def on_close(self):
        if hasattr(self, "desktop"):
            self.desktop.close()


async def main():
    web.Application([(path + "(.*)", Proxy)]).listen(int(port), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
`

func startTornado(t *testing.T, path, upstream string) (address string) {
	t.Helper()
	const python = "/usr/bin/python3"
	if exec.CommandContext(t.Context(), python, "-c", "import tornado").Run() != nil {
		t.Skip("python3-tornado is not installed")
	}
	address = freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	serveBy(t, address, exec.Command(python, "-c", tornado, path, upstream, port))
	return address
}
