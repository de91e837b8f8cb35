"""Keeps an exact copy of the clients of an account in a file, with the standard library alone. See README.md."""
import argparse, base64, datetime, itertools, json, os, re, secrets, socket, sys, urllib.parse, urllib.request  # noqa: E401

NAMES = "ce-specversion ce-id ce-source ce-subject ce-time ce-clientversion ce-checksum content-type ce-type".split()
VALID = re.compile(r"1\.0\n[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\n/clients\n.+\n\d{4}-\d\d-\d\dT.+\n"
                   r"[1-9][0-9]*\n.+\napplication/json\nclients\..+")
ALL = "name highrise_id currency currency_symbol active details".split()
KINDS = {"Created": ALL, "Updated": ALL, "Toggled": ["active"], "Deleted": [], "Erased": [],
         "InvoiceDefaultsChanged": ["default_invoice_timeframe", "last_invoice_kind"]}
TABLE = list(range(256))
for _ in range(8):
    TABLE = [n >> 1 ^ (0xC96C5795D7870F42 if n & 1 else 0) for n in TABLE]
class StartOver(Exception): pass  # noqa: E302, E701


class Nats:
    """As much of a NATS client as it takes to read a stream: https://docs.nats.io/reference/reference-protocols/nats-protocol."""

    def __init__(self, url):
        at = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port or 4222), timeout=10)
        self.file, self.inbox = self.socket.makefile("rb"), "_INBOX." + secrets.token_hex(11)
        self.file.readline()  # INFO
        options = {"verbose": False, "headers": True, "no_responders": True,
                   "user": urllib.parse.unquote(at.username or ""), "pass": urllib.parse.unquote(at.password or "")}
        self.socket.sendall(f"CONNECT {json.dumps(options)}\r\nSUB {self.inbox} 1\r\n".encode())

    def publish(self, subject, body):
        data = json.dumps(body)
        self.socket.sendall(f"PUB {subject} {self.inbox} {len(data)}\r\n{data}\r\n".encode())  # json.dumps returns ASCII

    def next(self):
        """Returns subject, reply subject, status, headers and data of the next message."""
        while line := self.file.readline().decode().split():
            if line[0] == "PING":
                self.socket.sendall(b"PONG\r\n")
            elif line[0] in ("MSG", "HMSG"):
                content = self.file.read(int(line[-1]) + 2)[:-2]
                size = int(line[-2]) if line[0] == "HMSG" else 0
                reply = line[3] if len(line) > (5 if size else 4) else ""
                status, *fields = content[:size].decode().split("\r\n")
                headers = {name: value.lstrip(" \t") for name, _, value in (field.partition(":") for field in reversed(fields))}
                return line[1], reply, status[9:12], headers, content[size:]
        raise ConnectionError("the server closed the connection: is the login right?")

    def request(self, subject, body):
        self.publish("$JS.API." + subject, body)
        answer = json.loads(self.next()[4] or '{"error": "no responders"}')
        if "error" in answer:
            raise ConnectionError(answer["error"])
        return answer

    def pull(self, consumer):
        self.publish(f"$JS.API.CONSUMER.MSG.NEXT.CLIENTS.{consumer}", {"batch": 50, "expires": 10**9})
        arriving = itertools.takewhile(lambda message: not message[2], iter(self.next, None))  # up to a status, such as 408
        return list(itertools.islice(arriving, 50))


class Copy:
    def __init__(self, options):
        self.path, self.account = options.copy, options.account
        try:
            self.state = json.load(open(self.path, encoding="utf-8"))
        except FileNotFoundError:
            scheme, _, rest = options.api.partition("://")
            login, _, host = rest.rpartition("@")
            login = {"Authorization": "Basic " + base64.b64encode(urllib.parse.unquote(login).encode()).decode()} if login else {}
            with urllib.request.urlopen(urllib.request.Request(f"{scheme}://{host}/clients.json", headers=login)) as response:
                clients = [entry["client"] for entry in json.load(response)]
                self.state = {"epoch": response.headers["Stream-Epoch"], "sequence": int(response.headers["Stream-Sequence"]),
                              "id": "", "clock": max((c["updated_at"] for c in clients), default=""),
                              "clients": {str(c["id"]): c for c in clients}, "gone": {}}
            print("list up to", self.state["sequence"], flush=True)

    def save(self):
        with open(self.path + ".new", "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump(self.state, file)
        os.replace(self.path + ".new", self.path)

    def apply(self, subject, headers, data, at):
        """Returns False for a message that is no event, or that its client already has: see EVENTS.md."""
        if subject.count(".") != 2 or not VALID.fullmatch("\n".join(headers.get(name, "") for name in NAMES)):
            return False
        key, kind, crc = subject.split(".")[2], headers["ce-type"].removeprefix("clients.v1.Client"), 2**64 - 1
        for part in (subject, headers["ce-id"], headers["ce-type"], headers["ce-clientversion"], headers["ce-time"], data):
            for byte in (part if isinstance(part, bytes) else part.encode()) + b"\0":
                crc = TABLE[crc & 255 ^ byte] ^ crc >> 8
        if f"{crc ^ 2**64 - 1:016x}" != headers["ce-checksum"]:
            sys.exit(f"wrong checksum on {subject}")
        if headers["ce-subject"] != key:
            return False
        if kind not in KINDS or json.loads(data)["id"] != int(key):
            sys.exit(f"{headers['ce-type']} on {subject}, which this program cannot read: update it")
        s, version = self.state, int(headers["ce-clientversion"])
        s["clock"], client = max(s["clock"], at), s["clients"].get(key)
        following = client["cache_version"] + 2 if client else 1
        created, erased = kind == "Created", kind == "Erased"
        if version < following or not erased and (key in s["gone"] or not client and not created):  # the last: deleted before the list
            return False
        if erased or version == following and kind == "Deleted":
            s["clients"].pop(key, None)
            s["gone"][key] = True
            return True
        if version != following or created == bool(client):
            sys.exit(f"version {version} on {subject} does not continue its client")
        old = client or {"id": int(key), "created_at": s["clock"], "default_invoice_timeframe": None, "last_invoice_kind": None}
        named = {k: "" if k == "details" and v is None else v for k, v in json.loads(data).items() if k in KINDS[kind]}
        s["clients"][key] = old | named | {"updated_at": s["clock"], "cache_version": version - 1}
        return True

    def follow(self, nats, once):
        s, delivered, before = self.state, 0, -1
        consumer = nats.request("CONSUMER.CREATE.CLIENTS", {"stream_name": "CLIENTS", "config": {
            "filter_subject": f"clients.{self.account}.>", "ack_policy": "none", "inactive_threshold": 60 * 10**9,
            "deliver_policy": "by_start_sequence", "opt_start_seq": max(s["sequence"], 1)}})["name"]
        while not once or delivered != before:
            pulled, before = nats.pull(consumer), delivered
            info = nats.request("STREAM.INFO.CLIENTS", {})  # after the pull: no message of another history is applied
            epoch = info["config"].get("metadata", {}).get("epoch", info["created"])
            if epoch != s["epoch"] or info["state"]["last_seq"] < s["sequence"]:
                raise StartOver
            delivered += len(pulled)
            if nats.request(f"CONSUMER.INFO.CLIENTS.{consumer}", {})["delivered"]["consumer_seq"] != delivered:
                raise ConnectionError("a message was lost on the way")
            for subject, reply, _, headers, data in pulled:
                tokens = reply.split(".")  # of an acknowledgement; longer with a domain
                sequence, _, at = map(int, tokens[5:8] if len(tokens) == 9 else tokens[7:10])
                if sequence == s["sequence"] and s["id"] and headers.get("ce-id") != s["id"]:
                    raise StartOver
                if sequence > s["sequence"]:
                    when = datetime.datetime.fromtimestamp(at // 10**9, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
                    applied = self.apply(subject, headers, data, when)
                    s["sequence"], s["id"] = sequence, headers.get("ce-id", "")
                    print(sequence, headers.get("ce-type"), applied, flush=True)
            self.save()


parser = argparse.ArgumentParser()
for flag, value in {"api": "http://127.0.0.1:8080", "nats-url": "nats://127.0.0.1:4222", "account": "default",
                    "copy": "clients-copy.json"}.items():
    parser.add_argument("--" + flag, default=value)
parser.add_argument("--once", action="store_true", help="exit when there is no further event")
arguments = parser.parse_args()
while True:
    try:
        Copy(arguments).follow(Nats(arguments.nats_url), arguments.once)
        break
    except StartOver:
        print("starting over: the copy belongs to another history", flush=True)
        os.remove(arguments.copy)
