#!/usr/bin/env python3
"""Rebuilds all clients from the messages of this folder by the rules of EVENTS.md alone, and compares them with clients.json.

messages.jsonl  messages of the stream on clients.>, in its order: sequence, timestamp, subject, headers, data
damaged.jsonl   messages each of which, behind those, a reader has to stop at. One that reads a single account, or begins with a
                list, cannot see two of them: "of another account" and "never created"
clients.json    what GET returns after messages.jsonl, by account, and the sequences of the messages that are no events
"""
import json
import pathlib
import re
import sys

ALL = ["name", "highrise_id", "currency", "currency_symbol", "active", "details"]
DEFAULTS = ["default_invoice_timeframe", "last_invoice_kind"]
KINDS = {"Created": ALL, "Updated": ALL, "Toggled": ["active"], "InvoiceDefaultsChanged": DEFAULTS, "Deleted": [], "Erased": ["erased"]}
TYPES = {"highrise_id": int, "active": bool, "erased": list}  # the others are texts
EMPTY = {"active": False, "highrise_id": None} | dict.fromkeys(DEFAULTS)  # for null; that of the others is ""
FORMS = {
    "ce-specversion": r"1\.0",
    "ce-id": r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "ce-type": r"clients\..*",
    "ce-source": r"/clients",
    "ce-subject": r".+",
    "ce-time": r"\d{4}-\d\d-\d\dT\d\d?:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)",
    "ce-clientversion": r"[1-9][0-9]*",
    "ce-checksum": r".+",
    "content-type": r"application/json",
}


class Stop(Exception):
    """A message that must not be skipped."""


def checksum(subject, headers, data):
    """CRC-64/XZ of the parts, each followed by a zero byte."""
    parts = [subject, *(headers[h] for h in ("ce-id", "ce-type", "ce-clientversion", "ce-time")), data]
    crc = 2**64 - 1
    for byte in "".join(part + "\0" for part in parts).encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xC96C5795D7870F42 if crc & 1 else 0)
    return f"{crc ^ 2**64 - 1:016x}"


def attributes(kind, text, key):
    """Returns what the data of an event sets. It does not derive a symbol that is null in an update: no message here has one."""
    try:
        data = {name.casefold(): value for name, value in json.loads(text).items()}
    except (ValueError, AttributeError) as error:
        raise Stop("the data is no JSON object") from error
    if type(data.get("id")) is not int or data["id"] != key:
        raise Stop("the data is not of the client")
    found = {}
    for name in KINDS[kind]:
        value = data.get(name)
        if value is not None and type(value) is not TYPES.get(name, str):
            raise Stop("another type")
        if name == "highrise_id" and not -(2**63) <= (value or 0) < 2**63:
            raise Stop("too large")
        if kind == "Updated" and name in data and value is None and name in ("name", "currency", "active"):
            raise Stop("null")
        if kind != "Updated" or name in data:
            found[name] = re.sub("[\ud800-\udfff]", "\ufffd", value) if type(value) is str else value
            found[name] = found[name] or EMPTY.get(name, "")
    return found


class Copy:
    """All clients of all accounts, as of one message."""

    def __init__(self):
        self.accounts, self.gone, self.clock = {}, set(), ""

    def apply(self, message):
        """Applies a message. Returns False for a foreign one, and raises Stop for one that a reader has to stop at."""
        subject, headers = message["subject"], message["headers"]
        match = re.fullmatch(r"clients\.([a-z0-9-]{1,63})\.([1-9][0-9]{0,18})", subject)
        if not match or int(match[2]) >= 2**63:
            return False
        if not all(re.fullmatch(form, headers.get(name, "")) for name, form in FORMS.items()):
            return False
        if headers["ce-checksum"] != checksum(subject, headers, message["data"]):
            raise Stop("wrong checksum")
        if headers["ce-subject"] != match[2]:
            return False
        kind = headers["ce-type"].removeprefix("clients.v1.Client")
        if kind not in KINDS:
            raise Stop("unknown type")
        account, key, version = match[1], int(match[2]), int(headers["ce-clientversion"])
        changed = attributes(kind, message["data"], key)
        self.clock = max(self.clock, message["timestamp"])
        clients = self.accounts.setdefault(account, {})
        old = clients.get(key)
        if old and version <= old["cache_version"] + 1 or key in self.gone and kind != "Erased":
            return False
        if not old and any(key in others for others in self.accounts.values()):
            raise Stop("a client of another account")
        if kind != "Erased" and (version != (old["cache_version"] + 2 if old else 1) or (kind == "Created") == bool(old)):
            raise Stop("the version does not continue the client")
        if kind in ("Deleted", "Erased"):
            clients.pop(key, None)
            self.gone.add(key)
            return True
        now = self.clock[:19] + "Z"
        new = old or dict.fromkeys(DEFAULTS) | {"id": key, "created_at": now}
        clients[key] = new | changed | {"updated_at": now, "cache_version": version - 1}
        return True


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main():
    folder = pathlib.Path(__file__).parent
    want = json.loads((folder / "clients.json").read_text(encoding="utf-8"))
    messages, copy = lines(folder / "messages.jsonl"), Copy()
    foreign = [m["sequence"] for m in messages if not copy.apply(m)]
    got = {name: sorted(clients.values(), key=lambda c: c["id"]) for name, clients in copy.accounts.items()}
    faults = [] if foreign == want["foreign"] else [f"foreign: {foreign}, not {want['foreign']}"]
    for account in sorted(got.keys() | want["accounts"].keys()):
        if got.get(account) != want["accounts"].get(account):
            faults.append(f"{account}:\n{got.get(account)}\nnot\n{want['accounts'].get(account)}")
    for message in lines(folder / "damaged.jsonl"):
        try:
            copy.apply(message)
            faults.append(f"did not stop at {message}")
        except Stop:
            pass
    sys.exit("\n".join(faults) or print(f"{len(messages)} messages, {sum(map(len, got.values()))} clients: as they should be"))


if __name__ == "__main__":
    main()
