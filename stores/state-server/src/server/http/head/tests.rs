use super::*;

const LIMITS: HeadLimits = HeadLimits {
    head: 1000,
    target: 100,
    headers: 10,
};

fn parse(text: &str) -> Result<Head<'_>, NoHead> {
    Head::parse(text.as_bytes(), LIMITS)
}

fn unreadable(text: &str) -> bool {
    matches!(parse(text), Err(Unreadable(_) | Refused(_)))
}

#[test]
fn reads_a_head_and_no_more() {
    let text = "PUT /a HTTP/1.1\r\nHost: x\r\ncontent-LENGTH:\t 3 \r\nLock-Cookie:7\r\n\r\nabcGET";
    let head = parse(text).unwrap();
    assert_eq!((head.verb, head.target), (Verb::Put, &b"/a"[..]));
    assert_eq!(head.body, Some(3));
    assert_eq!(&text[head.length..], "abcGET");
    assert_eq!(head.fields.get(Field::LockCookie), Some(&b"7"[..]));
    assert_eq!(head.fields.get(Field::Timeout), None);
}

#[test]
fn every_beginning_is_incomplete() {
    let text = "GET /a HTTP/1.1\r\nHost: x\r\nExclusive: acquire\r\n\r\n";
    for end in 0..text.len() {
        let parsed = parse(&text[..end]);
        assert_eq!(parsed.err(), Some(Incomplete), "{end}");
    }
    assert!(parse(text).is_ok());
}

#[test]
fn what_is_no_request_line_is_unreadable() {
    for line in [
        "",
        "GET",
        "GET /a",
        "GET  HTTP/1.1",
        "GET /a HTTP/2",
        "GET /a b HTTP/1.1",
        " GET /a HTTP/1.1",
        "G:T /a HTTP/1.1",
        "GET /a HTTP/1.1 ",
        "GET /a\rb HTTP/1.1",
        "GET /a\0 HTTP/1.1",
    ] {
        assert!(unreadable(&format!("{line}\r\n\r\n")), "{line:?}");
    }
}

#[test]
fn unreadable_headers() {
    for line in [
        "no colon",
        ": no name",
        "Name : blank",
        " folded: line",
        "\tfolded: line",
        "Name: bare\rCR",
        "Name: bare LF\nOther: x",
        "Content-Length: -1",
        "Content-Length: 1x",
        "Content-Length: ",
        "Content-Length: 99999999999999999999",
        "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
    ] {
        let text = format!("GET /a HTTP/1.1\r\n{line}\r\n\r\n");
        assert!(unreadable(&text), "{line:?}");
    }
}

#[test]
fn caps() {
    let target = |length| format!("GET {} HTTP/1.1\r\n\r\n", "a".repeat(length));
    assert!(parse(&target(100)).is_ok());
    assert!(unreadable(&target(101)));
    let headers = |count| format!("GET /a HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(parse(&headers(10)).is_ok());
    assert!(unreadable(&headers(11)));
    let size = |size: usize| {
        let begin = "GET /a HTTP/1.1\r\na: ";
        format!("{begin}{}\r\n\r\n", "b".repeat(size - begin.len() - 4))
    };
    assert!(parse(&size(1000)).is_ok());
    assert!(unreadable(&size(1001)));
    assert!(unreadable(&"x".repeat(1000)));
}

#[test]
fn same_header_twice() {
    let head = parse("GET /a HTTP/1.1\r\nTimeout: 5\r\ntimeout:  5\r\n\r\n").unwrap();
    assert!(!head.fields.has_contradiction());
    let head = parse("GET /a HTTP/1.1\r\nLockCookie: 5\r\nLock-Cookie: 6\r\n\r\n").unwrap();
    assert!(head.fields.has_contradiction());
}
