//! URLs and options.

use session_core::{SessionStore, StoreConfig, StoreKey};
use session_store_state_server::StateServerStore;

fn error(url: &str) -> String {
    match StateServerStore::builder(url) {
        Ok(_) => panic!("{url} was taken"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn urls_of_all_kinds_are_taken() {
    for url in [
        "state-server://localhost",
        "state-server://localhost/",
        "state-server://a:42424,b:42424,[::1]:1",
        "state-server://a?connections=4&operation-timeout=250ms&connect_timeout=3s",
        "state-server+unix:///run/state.sock?waiting-connections=3",
        "state-server://a,b,c?previous=a,b",
        "tcpip=localhost:42424?protocol=ms-asp",
        "tcpip=localhost:42424",
        "TCPIP=[::1]:42424",
        "tcpip=localhost",
    ] {
        let store = StateServerStore::connect(&StoreConfig::new(url)).unwrap();
        assert_eq!(store.name(), "state-server");
    }
}

#[test]
fn errors_name_the_setting_and_the_fix() {
    for (url, words) in [
        (
            "redis://localhost",
            ["store.url", "state-server://host:42424"],
        ),
        ("state-server://", ["store.url", "host name"]),
        ("state-server://a,,b", ["store.url", "host name"]),
        ("state-server://a,A:42424", ["store.url", "a:42424 twice"]),
        ("state-server://a:70000", ["store.url", "65535"]),
        ("state-server://::1", ["store.url", "brackets"]),
        ("state-server://hunter2@a", ["store.url", "token_file"]),
        (
            "state-server+unix://run/x.sock",
            ["store.url", "absolute path"],
        ),
        (
            "state-server://a?connections=0",
            ["store.connections", "from 1 to 64"],
        ),
        (
            "state-server://a?connections=x",
            ["store.connections", "from 1 to 64"],
        ),
        (
            "state-server://a?operation-timeout=2",
            ["store.operation_timeout", "\"2s\""],
        ),
        (
            "state-server://a?color=red",
            ["store.color", "token_file, insecure_token"],
        ),
        (
            "state-server://a,b?previous=a,b:x",
            ["store.previous", "a port that is not a number"],
        ),
        (
            "state-server://a?protocol=http",
            ["store.protocol", "ms-asp"],
        ),
        (
            "state-server://a?protocol=ms-asp&previous=b",
            ["store.previous", "protocol=ms-asp"],
        ),
        ("state-server://a?token-file=%2", ["store.url", "%25"]),
        (
            "state-server://a?token-file=/no/such%20file",
            ["store.token_file", "/no/such file"],
        ),
    ] {
        let error = error(url);
        for word in words {
            assert!(error.contains(word), "{url}: no {word:?} in {error}");
        }
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// Sessions of one route, which a renew keeps, have one endpoint; all endpoints are used.
#[tokio::test]
async fn endpoints_are_the_partitions() {
    let store = StateServerStore::builder("state-server://a,b,c")
        .unwrap()
        .build();
    let endpoint = |route: u16, rest: u8| {
        let mut key = [rest; 32];
        key[..2].copy_from_slice(&route.to_be_bytes());
        store.endpoint(StoreKey::from_bytes(key).route())
    };
    let mut seen = [0; 3];
    for route in 0..1_000 {
        assert_eq!(endpoint(route, 1), endpoint(route, 2));
        seen[usize::from(endpoint(route, 1))] += 1;
    }
    assert!(seen.iter().all(|count| *count > 250), "{seen:?}");
}
