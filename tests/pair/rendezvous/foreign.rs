//! What is no rendezvous, or cannot be reached.

use std::net::Ipv4Addr;
use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::family::Family;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::rendezvous::{Running, connect, run, target};

/// Does this with every connection, and gives the port.
async fn serving<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    port
}

/// Answers every connection with these bytes.
async fn answering(bytes: &'static [u8]) -> u16 {
    serving(move |mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(bytes).await;
    })
    .await
}

/// A broker: what does not begin with CONNECT (MQTT 3.1.1, 3.1) it closes without a word, as they do.
async fn broker() -> u16 {
    serving(|mut stream| async move {
        let mut packet = [0; 14];
        let is_whole = stream.read_exact(&mut packet).await.is_ok();
        if is_whole && packet[0] == 0x10 {
            // Whatever it says of the client.
            let _ = stream.write_all(&[0x20, 2, 0, 5]).await;
        }
    })
    .await
}

async fn code_of(url: &str) -> (&'static str, String) {
    let error = connect(target(url, 1)).await.expect_err("no rendezvous");
    assert!(error.hint.is_some(), "{error:?}");
    (error.code.name(), error.message)
}

#[test]
fn other_servers_are_told_from_a_rendezvous() {
    run(async {
        for (answer, code) in [
            (
                &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"[..],
                "not-a-rendezvous",
            ),
            (b"HTTP/1.1 404 Not Found\r\n\r\n", "not-a-rendezvous"),
            (b"HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n", "redirected"),
            (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "http-error"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "not-a-rendezvous"),
            (b"\x15\x03\x03\x00\x02\x02\x0a", "not-a-rendezvous"),
            (b"", "not-a-rendezvous"),
        ] {
            let port = answering(answer).await;
            let (found, message) = code_of(&format!("127.0.0.1:{port}")).await;
            assert_eq!(found, code, "{message}");
        }
    });
}

/// Whoever names a broker with the scheme of a WebSocket is told what it is.
#[test]
fn a_broker_is_told_from_a_rendezvous() {
    run(async {
        let port = broker().await;
        let (code, message) = code_of(&format!("ws://127.0.0.1:{port}")).await;
        assert_eq!(code, "not-a-rendezvous", "{message}");
        assert!(
            message.contains(&format!("use mqtt://127.0.0.1:{port}")),
            "{message}"
        );
    });
}

#[test]
fn what_cannot_be_reached_says_why() {
    run(async {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let free = free.expect("a port").local_addr().expect("bound").port();
        let (code, message) = code_of(&format!("localhost:{free}")).await;
        assert_eq!(code, "refused", "{message}");
        let (code, message) = code_of("ws://rendezvous.invalid").await;
        assert_eq!(code, "dns", "{message}");
        let mut other = target("127.0.0.1:1", 1);
        other.way.families = vec![Family::Ipv6];
        let error = connect(other).await.expect_err("no such address");
        assert_eq!(error.code, Code::WrongFamily);
    });
}

#[test]
fn a_server_that_takes_connections_and_is_silent_is_given_up() {
    run(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let began = std::time::Instant::now();
        let (code, message) = code_of(&format!("127.0.0.1:{port}")).await;
        assert_eq!(code, "timeout", "{message}");
        assert!(began.elapsed() < Duration::from_secs(7));
    });
}

#[test]
fn a_wrong_path_or_scheme_is_told() {
    run(async {
        let server = Running::start();
        let (code, message) = code_of(&format!("ws://{}/elsewhere", server.address)).await;
        assert_eq!(code, "not-a-rendezvous", "{message}");
        assert!(message.contains("but not under /elsewhere"), "{message}");
        let (code, message) = code_of(&format!("wss://{}", server.address)).await;
        assert_eq!(code, "tls", "{message}");
    });
}
