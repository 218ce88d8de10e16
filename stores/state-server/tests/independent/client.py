"""A client of the published state-server protocol that shares no code with the server.

    python3 client.py HOST:PORT | /path/of/the/socket

Python's standard library only. Walks through items, locks and their expiry as an ASP.NET client
does, without any extension, and exits with 1 and a sentence at the first difference.
"""

import hashlib
import base64
import os
import random
import socket
import sys
import threading
import time
import urllib.parse


class Connection:
    """One connection, one request at a time."""

    def __init__(self, place):
        if place.startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(place)
        else:
            host, port = place.rsplit(":", 1)
            self.socket = socket.create_connection((host.strip("[]"), int(port)))
        self.socket.settimeout(60)
        self.buffer = b""

    def ask(self, verb, target, headers=None, body=None):
        lines = [f"{verb} {target} HTTP/1.1", "Host: state"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines) + "\r\n\r\n"
        self.socket.sendall(head.encode() + (body or b""))
        return self.answer()

    def answer(self):
        while b"\r\n\r\n" not in self.buffer:
            self.read()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = dict(line.split(": ", 1) for line in lines[1:])
        length = int(headers["Content-Length"])
        while len(self.buffer) < length:
            self.read()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        check(headers.get("X-AspNet-Version") == "4.0.30319", "no X-AspNet-Version")
        extensions = [name for name in headers if name.startswith("Session-") or name == "ETag"]
        check(not extensions, f"extensions in a plain answer: {extensions}")
        return status, headers, body

    def read(self):
        some = self.socket.recv(65536)
        check(some, "the server closed the connection")
        self.buffer += some


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


def expect(answer, status):
    check(answer[0] == status, f"{answer[0]} instead of {status}: {answer}")
    return answer


RUN = os.urandom(4).hex()


def fresh(name):
    """The target of a session that no earlier run has used."""
    return target(name + RUN)


def target(session):
    """The target of a session as an ASP.NET 4.5 client writes it."""
    app = "/LM/W3SVC/1/ROOT"
    digest = base64.b64encode(hashlib.sha256(app.encode()).digest()).decode()
    text = urllib.parse.quote(f"{app}({digest})/{session}", safe="-_.!*()")
    return "".join(  # ASP.NET's escapes are in lower case.
        text[at : at + 3].lower() if text[at] == "%" else text[at]
        for at in range(len(text))
        if not (text[at - 1 : at] == "%" or text[at - 2 : at - 1] == "%")
    )


def walk_target():
    expected = (
        "%2fLM%2fW3SVC%2f1%2fROOT(cAHkmVhipCLv%2fQnONQmPsKL%2bq%2fAjnK%2fnYS9aV3Zlad8%3d)"
        "%2f15hgq1uszp2tjt45lkwxmb55"
    )
    check(target("15hgq1uszp2tjt45lkwxmb55") == expected, "the target differs from the vector")
    return "targets: as the published vector"


def walk_items(place):
    connection, item = Connection(place), fresh("items")
    expect(connection.ask("GET", item), 404)
    expect(connection.ask("HEAD", item), 404)
    expect(connection.ask("DELETE", item), 404)
    expect(connection.ask("PUT", item, {"Timeout": 3, "ExtraFlags": 1}, b"new"), 200)
    expect(connection.ask("PUT", item, {"Timeout": 3, "ExtraFlags": 1}, b"other"), 200)
    _, headers, body = expect(connection.ask("GET", item), 200)
    check((body, headers["Timeout"], headers["ActionFlags"]) == (b"new", "3", "1"), headers)
    _, headers, _ = expect(connection.ask("GET", item), 200)
    check("ActionFlags" not in headers, "ActionFlags came twice")
    for size in (0, 1, 1000, 1 << 20):
        content = os.urandom(size)
        expect(connection.ask("PUT", item, {}, content), 200)
        check(expect(connection.ask("GET", item), 200)[2] == content, f"{size} bytes differ")
    for timeout in ("0", "-1", "junk", "525601"):
        expect(connection.ask("PUT", item, {"Timeout": timeout}, b""), 400)
    expect(connection.ask("DELETE", item), 200)
    expect(connection.ask("GET", item), 404)
    return "items: created, read, replaced, removed"


def walk_lock_rules(place):
    one, two, item = Connection(place), Connection(place), fresh("rules")
    acquire = {"Exclusive": "acquire"}
    expect(one.ask("PUT", item, {}, b"body"), 200)
    _, headers, body = expect(one.ask("GET", item, acquire), 200)
    check((headers["LockCookie"], body) == ("2", b"body"), headers)
    for verb, headers, body in (
        ("GET", {}, None),
        ("GET", acquire, None),
        ("GET", {"Exclusive": "release", "LockCookie": 1}, None),
        ("PUT", {}, b"x"),
        ("PUT", {"LockCookie": 9}, b"x"),
        ("DELETE", {}, None),
    ):
        _, headers, body = expect(two.ask(verb, item, headers, body), 423)
        check((headers["LockCookie"], body) == ("2", b""), headers)
        check(0 <= int(headers["LockAge"]) < 60, headers)
        # .NET ticks: 100 ns since 0001-01-01.
        since = int(headers["LockDate"]) / 10**7 - 62_135_596_800
        check(abs(since - time.time()) < 24 * 3600, headers)
    expect(two.ask("HEAD", item), 200)
    # Who has waited long enough breaks the lock with the cookie that 423 tells.
    expect(two.ask("GET", item, {"Exclusive": "release", "LockCookie": 2}), 200)
    expect(two.ask("GET", item, {"Exclusive": "release", "LockCookie": 2}), 200)
    check(expect(two.ask("GET", item, acquire), 200)[1]["LockCookie"] == "3", "no new cookie")
    expect(one.ask("PUT", item, {"LockCookie": 2}, b"late"), 423)
    expect(two.ask("PUT", item, {"Lock-Cookie": 3}, b"saved"), 200)
    check(expect(one.ask("GET", item), 200)[2] == b"saved", "the holder's save is not there")
    return "lock: taken, shown, broken, saved with"


def walk_increments(place, clients=8, each=25):
    item, failures = fresh("counter"), []
    expect(Connection(place).ask("PUT", item, {}, b"0"), 200)

    def count():
        try:
            connection = Connection(place)
            for _ in range(each):
                increment(connection, item)
        except Exception as error:  # It is told by the thread that waits.
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, failures)
    _, _, body = expect(Connection(place).ask("GET", item), 200)
    check(int(body) == clients * each, f"counted to {body}")
    return f"lock: {clients} clients counted to {clients * each}"


def increment(connection, item):
    """Takes the lock, as a client without extensions does: by asking until it is free."""
    pause = 0.002
    while True:
        status, headers, body = connection.ask("GET", item, {"Exclusive": "acquire"})
        if status == 200:
            break
        check(status == 423, f"{status} for an acquire")
        time.sleep(random.uniform(0, pause))
        pause = min(pause * 2, 0.05)
    cookie = {"LockCookie": headers["LockCookie"]}
    expect(connection.ask("PUT", item, cookie, str(int(body) + 1).encode()), 200)


def walk_expiry(place):
    """The shortest time of the protocol is a minute, so there are extensions to be quick: only
    here, to make a session that a plain client then sees expire."""
    plain, name = Connection(place), "/s/" + os.urandom(32).hex()
    socket_ = Connection(place)
    headers = ("Session-Protocol: 1", "Session-Ttl: 600", "Content-Length: 1")
    socket_.socket.sendall(("PUT " + name + " HTTP/1.1\r\n" + "\r\n".join(headers)).encode())
    socket_.socket.sendall(b"\r\n\r\nx")
    check(b" 200 " in socket_.socket.recv(65536), "no session to expire")
    for _ in range(4):
        # Each verb slides the expiry, so it lives longer than it would untouched.
        time.sleep(0.3)
        expect(plain.ask("GET", name), 200)
        expect(plain.ask("HEAD", name), 200)
    time.sleep(0.9)
    expect(plain.ask("GET", name), 404)
    expect(plain.ask("HEAD", name), 404)
    return "expiry: slid by each request, then gone"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    place = sys.argv[1]
    print(walk_target())
    for walk in (walk_items, walk_lock_rules, walk_increments, walk_expiry):
        try:
            print(walk(place))
        except AssertionError as error:
            sys.exit(f"{walk.__name__}: {error}")


main()
