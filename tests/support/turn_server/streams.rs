//! TURN over TCP and TLS (RFC 8656 2.1), and what goes wrong on connections.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio_rustls::rustls::{self, ServerConnection, StreamOwned};

use super::answers::UNKNOWN_CHANNEL;
use super::config::StreamFault;
use super::engine::{FiveTuple, Transport};
use super::sockets::Shared;
use super::wire::{self, Method};

/// How long a read waits before the thread looks for something to write.
const TICK: Duration = Duration::from_millis(1);
/// How long a client may leave its window closed.
const WRITE_PATIENCE: Duration = Duration::from_secs(2);
/// What an overlong header announces too much. Divisible by four.
const EXCESS: u16 = 400;
const PAGE: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Accepts connections until the server ends, and waits for them to end too.
pub(super) fn accept(
    shared: &Arc<Shared>,
    listener: &TcpListener,
    tls: Option<&Arc<rustls::ServerConfig>>,
) {
    let mut workers = Vec::new();
    while !shared.is_stopped() {
        let Ok((stream, client)) = listener.accept() else {
            std::thread::sleep(TICK);
            continue;
        };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let (shared, tls) = (Arc::clone(shared), tls.cloned());
        workers.push(std::thread::spawn(move || {
            let transport = match tls {
                Some(_) => Transport::Tls,
                None => Transport::Tcp,
            };
            let client = FiveTuple { client, transport };
            // A client that breaks off is no failure of the test's.
            let _ = serve(&shared, stream, client, tls);
            shared.disconnected(client);
        }));
    }
    for worker in workers {
        let _ = worker.join();
    }
}

fn serve(
    shared: &Shared,
    mut stream: TcpStream,
    client: FiveTuple,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    stream.set_nodelay(true)?;
    let fault = shared.core().config().stream_fault;
    match fault {
        StreamFault::CloseAfterAccept => return Ok(()),
        StreamFault::CloseInHandshake => {
            let mut hello = [0; 4096];
            while read(shared, &mut stream, &mut hello)?.is_none() {}
            return Ok(());
        }
        StreamFault::SilentInHandshake => return hold(shared, &mut stream),
        _ => {}
    }
    match tls {
        None => converse(shared, stream, client, fault),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            converse(shared, StreamOwned::new(connection, stream), client, fault)
        }
    }
}

/// Reads and says nothing, until either side ends.
fn hold(shared: &Shared, stream: &mut impl Read) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while read(shared, stream, &mut buffer)? != Some(0) {}
    Ok(())
}

/// One read; `None` if nothing came for a while, `Some(0)` if nothing will.
fn read(shared: &Shared, stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match stream.read(buffer) {
        Ok(size) => Ok(Some(size)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ) =>
        {
            Ok(if shared.is_stopped() { Some(0) } else { None })
        }
        Err(error) => Err(error),
    }
}

fn converse(
    shared: &Shared,
    mut stream: impl Read + Write,
    client: FiveTuple,
    fault: StreamFault,
) -> io::Result<()> {
    let outgoing = shared.connected(client);
    let mut writer = Writer {
        fault,
        right_answers: shared.core().config().faults_after,
    };
    let mut received = Vec::new();
    let mut buffer = [0; 16384];
    loop {
        match read(shared, &mut stream, &mut buffer)? {
            Some(0) => return Ok(()),
            Some(_) if fault == StreamFault::Http => {
                stream.write_all(PAGE)?;
                return stream.flush();
            }
            Some(size) => received.extend_from_slice(&buffer[..size]),
            None => {}
        }
        while let Some(message) = wire::take_frame(&mut received)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?
        {
            shared.input(client, &message);
        }
        match writer.drain(&mut stream, &outgoing)? {
            Next::Go => {}
            Next::Hold => return hold(shared, &mut stream),
            Next::Close => return Ok(()),
        }
    }
}

/// How a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    Hold,
    Close,
}

/// Writes messages as the fault has it.
struct Writer {
    fault: StreamFault,
    /// So many answers before the fault begins.
    right_answers: usize,
}

impl Writer {
    fn drain(
        &mut self,
        stream: &mut impl Write,
        outgoing: &mpsc::Receiver<Vec<u8>>,
    ) -> io::Result<Next> {
        while let Ok(message) = outgoing.try_recv() {
            let next = self.write(stream, message)?;
            stream.flush()?;
            if next != Next::Go {
                return Ok(next);
            }
        }
        Ok(Next::Go)
    }

    fn write(&mut self, stream: &mut impl Write, mut message: Vec<u8>) -> io::Result<Next> {
        let is_data = wire::is_channel_data(&message);
        let half = message.len() / 2;
        let is_answer = !is_data && message[0] & 1 != 0;
        let mut fault = self.fault;
        if is_answer && self.right_answers > 0 {
            self.right_answers -= 1;
            fault = StreamFault::None;
        }
        match fault {
            StreamFault::HalfFrame if is_answer => {
                stream.write_all(&message[..half])?;
                return Ok(Next::Hold);
            }
            StreamFault::HalfFrameThenClose if is_answer => {
                stream.write_all(&message[..half])?;
                return Ok(Next::Close);
            }
            StreamFault::OverlongFrame if is_answer => {
                let length = u16::from_be_bytes([message[2], message[3]]) + EXCESS;
                message[2..4].copy_from_slice(&length.to_be_bytes());
                stream.write_all(&message)?;
                return Ok(Next::Close);
            }
            StreamFault::CloseAfterAllocate => {
                let is_allocated = message.starts_with(&Method::Allocate.success().to_be_bytes());
                stream.write_all(&message)?;
                return Ok(if is_allocated { Next::Close } else { Next::Go });
            }
            StreamFault::ByteByByte => {
                for byte in &message {
                    stream.write_all(&[*byte])?;
                    stream.flush()?;
                    std::thread::sleep(TICK / 5);
                }
                return Ok(Next::Go);
            }
            StreamFault::UnknownChannelData if is_answer => {
                stream.write_all(&wire::channel_data(UNKNOWN_CHANNEL, b"nobody's", true))?;
            }
            StreamFault::UnpaddedChannelData if is_data => {
                if let Some((number, payload)) = wire::parse_channel_data(&message) {
                    message = wire::channel_data(number, payload, false);
                }
            }
            _ => {}
        }
        stream.write_all(&message)?;
        Ok(Next::Go)
    }
}
