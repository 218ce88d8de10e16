#!/usr/bin/env python3
"""Computes the test vectors in this directory from the specification alone.

Needs Python's standard library and `cryptography` (for AES-GCM). Run it here:
`python3 generate.py`. Keys and salts are fixed, so the files do not change.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = pathlib.Path(__file__).parent
NOW = 1_790_000_000_000  # 2026-09-21T13:33:20Z
APP = "shop"


def lp(data):
    return struct.pack(">I", len(data)) + data


def expand(prk, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), "sha256")
        out += block
        counter += 1
    return out[:length]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    def __init__(self, name):
        self.secret = hashlib.sha256(f"session-core test vector: {name}".encode()).digest()
        self.prk = hmac.digest(b"session machine key v1", self.secret, "sha256")
        self.kid = expand(self.prk, lp(b"key id"), 8)

    def derive(self, app, *purposes):
        parts = [b"purpose", app.encode(), *(p.encode() for p in purposes)]
        return expand(self.prk, b"".join(map(lp, parts)), 64)

    def text(self):
        head = "sk1_" + b64(self.secret)
        return f"{head}_{hashlib.sha256(head.encode()).hexdigest()[:8]}"


def token(key, kind, name, id, app=APP):
    message = b"\x01" + key.kid + id
    return message + hmac.digest(key.derive(app, "session id", kind, name), message, "sha256")[:16]


def envelope(key, purposes, salt, context, aad, plaintext, app=APP):
    message = b"\x01" + lp(b"message") + lp(salt) + lp(context)
    okm = hmac.digest(key.derive(app, *purposes), message, "sha512")
    bound = b"\x01" + key.kid + lp(aad)
    sealed = AESGCM(okm[:32]).encrypt(bytes(12), plaintext, bound)
    return b"\x01" + key.kid + salt + okm[32:] + sealed


def ring_text(epoch, entries, lifetime="90d", version=1, extra=""):
    lines = [
        "# machine key ring: keep secret, keep the same on every instance",
        f"version = {version}",
        f"epoch = {epoch}",
        f'longest_lifetime = "{lifetime}"',
    ]
    if extra:
        lines.append(extra)
    for entry in entries:
        lines += ["", "[[key]]", *entry]
    return "\n".join(lines) + "\n\n"


def checked(body):
    return body + f'[check]\nsha256 = "{hashlib.sha256(body.encode()).hexdigest()}"\n'


def live(key, not_before, open_until=None, kid=None, created=None, more=()):
    lines = [f'kid = "{kid or key.kid.hex()}"', f"created = {created or not_before}"]
    lines.append(f"not_before = {not_before}")
    if open_until:
        lines.append(f"open_until = {open_until}")
    return [*lines, f'secret = "{key.text()}"', *more]


def revoked(key, since="2026-08-01T00:00:00Z", more=()):
    return [f'kid = "{key.kid.hex()}"', f"revoked = {since}", *more]


# The ring of all vectors: at NOW, B seals, A and C open, D is past its time, E is revoked.
A, B, C, D, E, F = map(Key, "ABCDEF")
D_NOT_BEFORE, A_NOT_BEFORE = "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z"
B_NOT_BEFORE, C_NOT_BEFORE = "2026-08-01T00:00:00Z", "2026-09-30T00:00:00Z"
D_OPEN_UNTIL, A_OPEN_UNTIL = "2026-07-30T00:05:00Z", "2026-10-30T00:05:00Z"
B_OPEN_UNTIL = "2026-12-29T00:05:00Z"
ENTRIES = [
    live(C, C_NOT_BEFORE),
    live(B, B_NOT_BEFORE, B_OPEN_UNTIL),
    live(A, A_NOT_BEFORE, A_OPEN_UNTIL),
    live(D, D_NOT_BEFORE, D_OPEN_UNTIL),
    revoked(E),
]
ID = bytes(range(100, 132))


def flip(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def token_vectors():
    cookie = ("cookie", "__Host-session")
    good = token(B, *cookie, ID)
    text = b64(good)
    accept = [
        ("sealing key", text, B, False),
        ("retired key", b64(token(A, *cookie, ID)), A, True),
        ("pending key", b64(token(C, *cookie, ID)), C, True),
    ]
    version = b"\x02" + good[1:]
    reject = [
        ("empty", "", "malformed", None),
        ("one character short", text[:-1], "malformed", None),
        ("one character long", text + "A", "malformed", None),
        ("padded", text + "====", "malformed", None),
        ("standard alphabet", text[:-1] + "+", "malformed", None),
        ("white space", " " + text[1:], "malformed", None),
        ("not ASCII", text[:-2] + "é", "malformed", None),
        ("another version", b64(version), "unknown_version", None),
        ("a key outside the ring", b64(token(F, *cookie, ID)), "unknown_key", F),
        ("a key past its time", b64(token(D, *cookie, ID)), "retired_key", D),
        ("a revoked key", b64(token(E, *cookie, ID)), "revoked_key", E),
        ("another id", b64(flip(good, 9)), "bad_signature", B),
        ("another tag", b64(flip(good, 56)), "bad_signature", B),
        ("another key's id", b64(good[:1] + A.kid + good[9:]), "bad_signature", A),
        ("another application", b64(token(B, *cookie, ID, app="shop2")), "bad_signature", B),
        ("another cookie", b64(token(B, "cookie", "session", ID)), "bad_signature", B),
        ("a header of the name", b64(token(B, "header", "__Host-session", ID)), "bad_signature", B),
    ]
    return {
        "now": NOW,
        "app": APP,
        "cookie": cookie[1],
        "header": "X-Session",
        "header_token": b64(token(B, "header", "x-session", ID)),
        "id": ID.hex(),
        "accept": [
            {"name": n, "token": t, "kid": k.kid.hex(), "resign": r} for n, t, k, r in accept
        ],
        "reject": [
            {"name": n, "token": t, "cause": c, "kid": k and k.kid.hex()} for n, t, c, k in reject
        ],
    }


def envelope_vectors():
    purposes, salt = ["session record"], bytes(range(32))
    context, aad, plaintext = ID, b"\x00\x00\x00\x04shop", b"values of a session"
    good = envelope(B, purposes, salt, context, aad, plaintext)

    def made(key=B, **changes):
        given = dict(purposes=purposes, salt=salt, context=context, aad=aad, plaintext=plaintext)
        return envelope(key, **(given | changes))

    def committed_elsewhere():
        # A ciphertext that another key would open, under a commitment that is not its own.
        other = made(salt=bytes(32))
        return good[:73] + other[73:]

    accept = [
        ("sealing key", good, plaintext, False),
        ("retired key", made(key=A), plaintext, True),
        ("pending key", made(key=C), plaintext, True),
        ("nothing inside", made(plaintext=b""), b"", False),
        ("a kibibyte", made(plaintext=bytes(1024)), bytes(1024), False),
    ]
    reject = [
        ("empty", b"", "malformed"),
        ("only a version", b"\x01", "malformed"),
        ("header without a tag", good[:88], "malformed"),
        ("one byte short", good[:-1], "bad_signature"),
        ("one byte long", good + b"\x00", "bad_signature"),
        ("another version", b"\x02" + good[1:], "unknown_version"),
        ("a key outside the ring", made(key=F), "unknown_key"),
        ("a key past its time", made(key=D), "retired_key"),
        ("a revoked key", made(key=E), "revoked_key"),
        ("another salt", flip(good, 9), "bad_signature"),
        ("another commitment", flip(good, 41), "bad_signature"),
        ("another ciphertext", flip(good, 73), "bad_signature"),
        ("another tag", flip(good, len(good) - 1), "bad_signature"),
        ("another message's ciphertext", committed_elsewhere(), "bad_signature"),
        ("another context", made(context=bytes(32)), "bad_signature"),
        ("no context", made(context=b""), "bad_signature"),
        ("another aad", made(aad=b"\x00\x00\x00\x04shoq"), "bad_signature"),
        ("another purpose", made(purposes=["session labels"]), "bad_signature"),
        ("another application", made(app="shop2"), "bad_signature"),
    ]
    return {
        "now": NOW,
        "app": APP,
        "purposes": purposes,
        "salt": salt.hex(),
        "context": context.hex(),
        "aad": aad.hex(),
        "accept": [
            {"name": n, "envelope": e.hex(), "plaintext": p.hex(), "reseal": r}
            for n, e, p, r in accept
        ],
        "reject": [{"name": n, "envelope": e.hex(), "cause": c} for n, e, c in reject],
    }


def protected(key, purposes, expires, plaintext, bound=b"", app=APP, claimed=None):
    aad = lp(bound) + struct.pack(">q", expires)
    sealed = envelope(
        key, ["application data", *purposes], bytes(range(32)), b"", aad, plaintext, app
    )
    return struct.pack(">q", expires if claimed is None else claimed) + sealed


def protector_vectors():
    never, purposes, plaintext = 2**63 - 1, ["form state", "checkout"], b"step 3"
    soon = NOW + 60_000

    def made(key=B, purposes=purposes, expires=never, plaintext=plaintext, **changes):
        return protected(key, purposes, expires, plaintext, **changes)

    good = made()
    accept = [
        ("for ever", good, b"", plaintext),
        ("for a minute", made(expires=soon), b"", plaintext),
        ("bound to a user", made(bound=b"user-42"), b"user-42", plaintext),
        ("retired key", made(key=A), b"", plaintext),
        ("a MessagePack map", made(plaintext=b"\x81\xa4step\x03"), b"", b"\x81\xa4step\x03"),
    ]
    reject = [
        ("empty", b"", b"", "malformed"),
        ("only a date", good[:8], b"", "malformed"),
        ("expired just now", made(expires=NOW), b"", "expired"),
        ("expired long ago", made(expires=0), b"", "expired"),
        ("a longer life claimed", made(expires=soon, claimed=never), b"", "bad_signature"),
        ("another binding", made(bound=b"user-42"), b"user-43", "bad_signature"),
        ("no binding", made(bound=b"user-42"), b"", "bad_signature"),
        ("another purpose", made(purposes=["form state"]), b"", "bad_signature"),
        ("purposes joined", made(purposes=["form statecheckout"]), b"", "bad_signature"),
        ("another application", made(app="shop2"), b"", "bad_signature"),
        ("a key outside the ring", made(key=F), b"", "unknown_key"),
        ("a key past its time", made(key=D), b"", "retired_key"),
        ("a revoked key", made(key=E), b"", "revoked_key"),
        ("a built-in envelope", struct.pack(">q", never)
            + envelope(B, ["session record"], bytes(32), b"", lp(b"") + struct.pack(">q", never),
                       plaintext), b"", "bad_signature"),
    ]
    return {
        "now": NOW,
        "app": APP,
        "purposes": purposes,
        "accept": [
            {"name": n, "sealed": s.hex(), "bound_to": b.hex(), "plaintext": p.hex()}
            for n, s, b, p in accept
        ],
        "reject": [
            {"name": n, "sealed": s.hex(), "bound_to": b.hex(), "cause": c}
            for n, s, b, c in reject
        ],
    }


def identity_vectors():
    def store_key(app, id):
        prefix = lp(b"store key v1") + lp(app.encode())
        prefix += bytes(-len(prefix) % 64)
        return id[:2] + hashlib.sha256(prefix + id).digest()[:30]

    def principal(app, name):
        return hashlib.sha256(lp(b"principal v1") + lp(app.encode()) + name.encode()).hexdigest()

    apps = [APP, "", "shop2", "x" * 44, "x" * 45, "x" * 200, "café"]
    people = [(APP, "user-42"), (APP, ""), ("shop2", "user-42"), ("sho", "puser-42"), (APP, "é")]
    keys = [(app, id) for app in apps for id in (ID, bytes(32))]
    return {
        "store_keys": [
            {"app": app, "id": id.hex(), "key": store_key(app, id).hex()} for app, id in keys
        ],
        "principals": [{"app": a, "principal": p, "key": principal(a, p)} for a, p in people],
        "fingerprints": [
            {
                "app": app,
                "store_key": store_key(app, ID).hex(),
                "fingerprint": hmac.digest(
                    B.derive(app, "fingerprint"), store_key(app, ID), "sha256"
                ).hex()[:8],
            }
            for app in (APP, "shop2")
        ],
    }


def aspnet_key(validation, decryption):
    prk = hmac.digest(b"aspnet machineKey v1", lp(validation) + lp(decryption), "sha256")
    key = Key("")
    key.secret = expand(prk, lp(b"ring key"), 32)
    key.prk = hmac.digest(b"session machine key v1", key.secret, "sha256")
    key.kid = expand(key.prk, lp(b"key id"), 8)
    return key


def key_vectors():
    pairs = []
    for lengths in [(64, 32), (64, 24), (32, 32)]:
        validation = hashlib.sha512(b"vector validation").digest()[: lengths[0]]
        decryption = hashlib.sha256(b"vector decryption").digest()[: lengths[1]]
        pairs.append((validation, decryption))
    return {
        "tokens": [
            {"token": key.text(), "secret": key.secret.hex(), "kid": key.kid.hex()}
            for key in (A, B, C, D, E, F)
        ],
        "aspnet": [
            {"validation": v.hex(), "decryption": d.hex(), "kid": aspnet_key(v, d).kid.hex()}
            for v, d in pairs
        ],
    }


def ring_vectors():
    one = [live(B, B_NOT_BEFORE)]
    two = [live(B, B_NOT_BEFORE), live(A, A_NOT_BEFORE, A_OPEN_UNTIL)]
    good = checked(ring_text(3, ENTRIES))
    accept = [
        ("five keys", good),
        ("one key", checked(ring_text(1, one))),
        ("oldest first", checked(ring_text(2, list(reversed(two))))),
        ("revoked only beside a live one", checked(ring_text(9, [revoked(E), *one]))),
    ]
    body = ring_text(2, two)
    digest = hashlib.sha256(body.encode()).hexdigest()
    weak = Key("B")
    weak.secret = bytes(32)
    weak.prk = hmac.digest(b"session machine key v1", weak.secret, "sha256")
    weak.kid = expand(weak.prk, lp(b"key id"), 8)
    reject = [
        ("empty", "", "check"),
        ("no check", body, "check"),
        ("check without its line", body + "[check]\n", "check"),
        ("cut short", good[:-1], "check"),
        ("something after the check", good + "\n", "check"),
        ("a second check", good + good[good.index("[check]"):], "check"),
        ("upper-case digest", body + f'[check]\nsha256 = "{digest.upper()}"\n', "check"),
        ("digest without a space", body + f'[check]\nsha256="{digest}"\n', "check"),
        ("edited after the check was made", good.replace("90d", "91d"), "check"),
        ("CRLF", good.replace("\n", "\r\n"), "malformed"),
        ("a bare token", B.text() + "\n", "check"),
        ("not TOML", checked("version = = 1\n"), "malformed"),
        ("no version", checked(body.replace("version = 1\n", "")), "malformed"),
        ("version 2", checked(ring_text(2, two, version=2)), "malformed"),
        ("version as text", checked(ring_text(2, two, version='"1"')), "malformed"),
        ("epoch 0", checked(ring_text(0, two)), "malformed"),
        ("negative epoch", checked(ring_text(-1, two)), "malformed"),
        ("no epoch", checked(body.replace("epoch = 2\n", "")), "malformed"),
        ("no lifetime", checked(body.replace('longest_lifetime = "90d"\n', "")), "malformed"),
        ("a lifetime of nothing", checked(ring_text(2, two, lifetime="0s")), "malformed"),
        ("a lifetime that is none", checked(ring_text(2, two, lifetime="soon")), "malformed"),
        ("unknown field", checked(ring_text(2, two, extra="colour = 3")), "malformed"),
        ("unknown field of a key", checked(ring_text(2, [live(B, B_NOT_BEFORE, more=["x = 1"])])),
         "malformed"),
        ("a key twice", checked(ring_text(2, [*two, live(B, D_NOT_BEFORE, D_OPEN_UNTIL)])),
         "invalid"),
        ("a key live and revoked", checked(ring_text(2, [*two, revoked(B)])), "invalid"),
        ("another kid", checked(ring_text(2, [live(B, B_NOT_BEFORE, kid=A.kid.hex())])), "invalid"),
        ("upper-case kid", checked(ring_text(2, [live(B, B_NOT_BEFORE, kid=B.kid.hex().upper())])),
         "malformed"),
        ("no key", checked(ring_text(2, [])), "invalid"),
        ("only a revoked key", checked(ring_text(2, [revoked(B)])), "invalid"),
        ("equal not_before",
         checked(ring_text(2, [live(B, B_NOT_BEFORE), live(A, B_NOT_BEFORE, A_OPEN_UNTIL)])),
         "invalid"),
        ("a superseded key without an end",
         checked(ring_text(2, [live(B, B_NOT_BEFORE), live(A, A_NOT_BEFORE)])), "invalid"),
        ("an end before the successor seals",
         checked(ring_text(2, [live(B, B_NOT_BEFORE), live(A, A_NOT_BEFORE, D_OPEN_UNTIL)])),
         "invalid"),
        ("an end without a successor", checked(ring_text(2, [live(B, B_NOT_BEFORE, B_OPEN_UNTIL)])),
         "invalid"),
        ("a local date", checked(ring_text(2, [live(B, "2026-08-01T00:00:00")])), "malformed"),
        ("a date with an offset", checked(ring_text(2, [live(B, "2026-08-01T00:00:00+02:00")])),
         "malformed"),
        ("no not_before", checked(ring_text(2, [[*live(B, B_NOT_BEFORE)[:2],
                                                 *live(B, B_NOT_BEFORE)[3:]]])), "malformed"),
        ("no secret", checked(ring_text(2, [live(B, B_NOT_BEFORE)[:-1]])), "malformed"),
        ("a revoked key with its secret",
         checked(ring_text(2, [*one, revoked(E, more=[f'secret = "{E.text()}"'])])), "malformed"),
        ("a secret with other check digits",
         checked(ring_text(2, one).replace(B.text(), B.text()[:-8] + "00000000")), "check"),
        ("a weak key", checked(ring_text(2, [live(weak, B_NOT_BEFORE)])), "weak_key"),
        ("a key that seals in an hour", checked(ring_text(2, [live(B, "2026-09-21T14:33:20Z")])),
         "invalid"),
    ]
    return {
        "now": NOW,
        "accept": [{"name": n, "text": t} for n, t in accept],
        "reject": [{"name": n, "text": t, "kind": k} for n, t, k in reject],
    }


def write(name, data):
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write("tokens.json", token_vectors())
    write("envelopes.json", envelope_vectors())
    write("protector.json", protector_vectors())
    write("identities.json", identity_vectors())
    write("keys.json", key_vectors())
    write("rings.json", ring_vectors())
    (HERE / "ring.toml").write_text(checked(ring_text(3, ENTRIES)), encoding="utf-8")
    doc = Key("documentation")
    print("kids of published keys:", [k.kid.hex() for k in (doc, A, B, C, D, E, F)])
    print("documentation key:", doc.text())
