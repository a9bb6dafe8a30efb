"""A program that asks a person for access in their browser, and prints the tokens it gets.

    python3 receiver.py http://127.0.0.1:8000 CLIENT_ID "models:read predictions:create"

A public OAuth client (RFC 8252): it runs on its user's machine and has no secret. By PKCE
(RFC 7636) it proves that whoever brings the code is whoever asked for it.
"""

import base64
import hashlib
import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

HOST, PORT = "127.0.0.1", 8765
REDIRECT_URI = f"http://{HOST}:{PORT}/callback"  # registered, to the letter

try:
    agora, client_id, scope = sys.argv[1:]
except ValueError:
    sys.exit(__doc__)
state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
digest = hashlib.sha256(verifier.encode()).digest()
challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
answer: dict[str, str] = {}


class Callback(BaseHTTPRequestHandler):
    """The page to which the browser comes back with the answer."""

    def do_GET(self) -> None:
        is_ours = self.path.startswith("/callback?")
        self.send_response(200 if is_ours else 404)
        self.end_headers()
        self.wfile.write(b"Done. Go back to your terminal.")
        answer.update(parse_qsl(urlsplit(self.path).query) if is_ours else ())

    def log_message(self, *_: object) -> None:
        """No log: the code stands in the path."""


question = {
    "response_type": "code",
    "client_id": client_id,
    "redirect_uri": REDIRECT_URI,
    "scope": scope,
    "state": state,
    "code_challenge": challenge,
    "code_challenge_method": "S256",
}
server = ThreadingHTTPServer((HOST, PORT), Callback)
server.timeout = 0.5  # seconds between two looks at the answer
page = f"{agora}/oauth/authorize?{urlencode(question)}"
print(f"Open this page in a browser on this machine:\n{page}", file=sys.stderr)
while not answer:
    server.handle_request()
if answer.get("state") != state or answer.get("iss") != agora:
    sys.exit("This answers somebody else's question: do not use it.")
if "code" not in answer:
    sys.exit(f"Not allowed: {answer}")

form = {
    "grant_type": "authorization_code",
    "code": answer["code"],
    "redirect_uri": REDIRECT_URI,
    "client_id": client_id,
    "code_verifier": verifier,
}
with urlopen(f"{agora}/oauth/token", urlencode(form).encode()) as response:
    print(json.dumps(json.load(response), indent=2))
