//! One data channel of WebRTC (RFC 8831), without I/O: DTLS over the chosen pair (RFC 8842), SCTP in it (RFC 8261), and a
//! channel that both sides have agreed on beforehand, unordered and without retransmissions, so that what is lost on the
//! way is lost on the channel too.
//!
//! Whoever begins DTLS begins SCTP as well. The crates' random numbers are the system's own.

pub mod fingerprint;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output, SrtpProfile};
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Payload,
    PayloadProtocolIdentifier, ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
};

use crate::base::bounds;
use crate::base::time::Time;
use fingerprint::Fingerprint;

/// The channel's stream, which is not asked for but known (RFC 8832 is for those that are).
const STREAM: u16 = 0;
/// A handshake's flight goes again after so long: a path between two hosts answers within a tenth of a second, and
/// one that does not has a copy more.
const FIRST_FLIGHT: Duration = Duration::from_millis(150);
/// SCTP's timers, in milliseconds (RFC 9260 16): its usual three seconds are longer than the whole test.
const RTO: (u64, u64, u64) = (500, 200, 3000);
/// SCTP knows its peer by an address, and the path is none of its business here.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(240, 0, 0, 1)), 5000);
/// A record of DTLS.
const BUFFER: usize = 2048;
/// The longest message that is read; what is longer is no datagram of a test.
const LONGEST: usize = 64 << 10;

/// What happened, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The DTLS handshake is done, with the certificate that was announced.
    Secured,
    /// Data can go both ways.
    Opened,
    Message(Vec<u8>),
    /// It is over, and why.
    Failed(DataChannelError),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataChannelError {
    #[error(
        "its DTLS certificate is not the one that its description announced (a=fingerprint): somebody on the way answers in its place, or the description is of another connection"
    )]
    Fingerprint,
    #[error("the DTLS handshake failed: {0}")]
    Dtls(String),
    #[error("SCTP inside of DTLS failed: {0}")]
    Sctp(String),
    #[error("the other side closed it")]
    Closed,
}

/// Who begins (RFC 8842 5.2, `a=setup`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `active`
    Begins,
    /// `passive`
    Waits,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    /// The other side has shown the certificate that is expected.
    Trusted,
    /// DTLS is up.
    Secured,
    Open,
    Over,
}

pub struct DataChannel {
    /// What the crates count time from.
    epoch: Instant,
    dtls: Dtls,
    expected: Fingerprint,
    part: Part,
    stage: Stage,
    /// DTLS has been up.
    was_secured: bool,
    /// When DTLS wants to be called.
    due: Option<Time>,
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    /// For media on the same transport (RFC 5764).
    media_keys: Option<(KeyingMaterial, SrtpProfile)>,
}

impl std::fmt::Debug for DataChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataChannel")
            .field("part", &self.part)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl DataChannel {
    /// A side with its certificate, which the other one has to have been told of, and the certificate that it expects.
    /// Times count from `epoch`. Fails if the certificate cannot be used.
    pub fn new(
        now: Time,
        epoch: Instant,
        certificate: DtlsCertificate,
        expected: Fingerprint,
        part: Part,
    ) -> Result<Self, DataChannelError> {
        let config = Config::builder()
            .flight_start_rto(FIRST_FLIGHT)
            .build()
            .map_err(|error| DataChannelError::Dtls(error.to_string()))?;
        let mut dtls = Dtls::new_auto(Arc::new(config), certificate, epoch + now);
        dtls.set_active(part == Part::Begins);
        let mut server = ServerConfig::default();
        server.transport = Arc::new(transport());
        let mut channel = Self {
            epoch,
            dtls,
            expected,
            part,
            stage: Stage::Begun,
            was_secured: false,
            due: None,
            endpoint: Endpoint::new(Arc::new(EndpointConfig::default()), Some(Arc::new(server))),
            association: None,
            out: VecDeque::new(),
            events: VecDeque::new(),
            media_keys: None,
        };
        channel.handle_timeout(now);
        Ok(channel)
    }

    /// Whether DTLS is up, or was until the channel ended.
    pub const fn was_secured(&self) -> bool {
        self.was_secured
    }

    const fn is_secured(&self) -> bool {
        matches!(self.stage, Stage::Secured | Stage::Open)
    }

    /// This side's part.
    pub const fn part(&self) -> Part {
        self.part
    }

    /// Keys for media, once DTLS is up with the certificate that is expected, if both sides know SRTP.
    pub fn take_media_keys(&mut self) -> Option<(KeyingMaterial, SrtpProfile)> {
        self.media_keys
            .take_if(|_| matches!(self.stage, Stage::Secured | Stage::Open))
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`DataChannel::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.is_over() {
            return None;
        }
        let sctp = self.association.as_ref();
        let sctp = sctp.and_then(|(_, association)| association.poll_timeout());
        let sctp = sctp.map(|at| at.saturating_duration_since(self.epoch));
        [self.due, sctp].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Time) {
        if self.is_over() {
            return;
        }
        if let Err(error) = self.dtls.handle_timeout(self.epoch + now) {
            return self.fail(DataChannelError::Dtls(error.to_string()));
        }
        let at = self.epoch + now;
        if let Some((_, association)) = &mut self.association
            && association.poll_timeout().is_some_and(|due| due <= at)
        {
            association.handle_timeout(at);
        }
        self.drive(now);
    }

    /// What came by the pair.
    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        if self.is_over() {
            return;
        }
        let told = self.dtls.handle_timeout(self.epoch + now);
        if let Err(error) = told.and_then(|()| self.dtls.handle_packet(bytes)) {
            // What went before may tell more, as a certificate that does not fit.
            self.drive(now);
            return self.fail(DataChannelError::Dtls(error.to_string()));
        }
        self.drive(now);
    }

    /// Sends a message, once the channel is open. One that finds too many waiting is lost, as on the network.
    pub fn send(&mut self, now: Time, message: &[u8]) {
        if self.stage != Stage::Open {
            return;
        }
        if let Some((_, association)) = &mut self.association
            && let Ok(mut stream) = association.stream(STREAM)
            && stream
                .buffered_amount()
                .is_ok_and(|waiting| waiting < bounds::CHANNEL_UNSENT)
        {
            // A stream that is gone tells so itself.
            let _ = stream.write(message);
        }
        self.drive(now);
    }

    /// Tells the other side that nothing more will come.
    pub fn close(&mut self) {
        if !self.is_over() && self.dtls.close().is_ok() {
            self.drain_dtls();
        }
        self.stage = Stage::Over;
    }

    fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    fn fail(&mut self, error: DataChannelError) {
        if !self.is_over() {
            self.stage = Stage::Over;
            self.events.push_back(Event::Failed(error));
        }
    }

    /// Until both have nothing more to say.
    fn drive(&mut self, now: Time) {
        loop {
            for packet in self.drain_dtls() {
                self.take_packet(now, packet);
            }
            self.take_events();
            let packets = self.packets(now);
            if packets.is_empty() || self.is_over() {
                return;
            }
            for packet in packets {
                if let Err(error) = self.dtls.send_application_data(&packet) {
                    return self.fail(DataChannelError::Dtls(error.to_string()));
                }
                // What it has to send fits into little room.
                for packet in self.drain_dtls() {
                    self.take_packet(now, packet);
                }
            }
        }
    }

    /// What DTLS wants to send, and its news. Gives what came inside of it.
    fn drain_dtls(&mut self) -> Vec<Vec<u8>> {
        let mut buffer = vec![0; BUFFER];
        let mut inside = Vec::new();
        while !self.is_over() {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => self.out.push_back(packet.to_vec()),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    self.due = Some(at.saturating_duration_since(self.epoch));
                    break;
                }
                Output::PeerCert(certificate) => {
                    if Fingerprint::of(certificate) != self.expected {
                        self.fail(DataChannelError::Fingerprint);
                    } else if self.stage == Stage::Begun {
                        self.stage = Stage::Trusted;
                    }
                }
                Output::Connected => self.secured(),
                Output::ApplicationData(data) => inside.push(data.to_vec()),
                Output::CloseNotify => self.fail(DataChannelError::Closed),
                Output::KeyingMaterial(keys, profile) => self.media_keys = Some((keys, profile)),
                _ => {}
            }
        }
        inside
    }

    fn secured(&mut self) {
        if self.stage != Stage::Trusted {
            return self.fail(DataChannelError::Fingerprint);
        }
        self.stage = Stage::Secured;
        self.was_secured = true;
        self.events.push_back(Event::Secured);
        if self.part == Part::Begins {
            let mut config = ClientConfig::default();
            config.transport = Arc::new(transport());
            match self.endpoint.connect(config, PEER) {
                Ok(association) => self.association = Some(association),
                Err(error) => self.fail(DataChannelError::Sctp(error.to_string())),
            }
        }
    }

    fn take_packet(&mut self, now: Time, packet: Vec<u8>) {
        // Nothing is believed before the certificate is known.
        if !self.is_secured() {
            return;
        }
        let at = self.epoch + now;
        let Some((handle, event)) = self.endpoint.handle(at, PEER, None, None, packet.into())
        else {
            return;
        };
        match (event, &mut self.association) {
            (DatagramEvent::NewAssociation(association), None) => {
                self.association = Some((handle, association));
                // One is enough.
                self.endpoint.reject_new_associations();
            }
            (DatagramEvent::AssociationEvent(event), Some((known, association)))
                if *known == handle =>
            {
                association.handle_event(event);
            }
            _ => {}
        }
        self.take_events();
    }

    fn take_events(&mut self) {
        let Some((handle, association)) = &mut self.association else {
            return;
        };
        let mut failure = None;
        while let Some(event) = association.poll() {
            match event {
                sctp_proto::Event::Connected => {
                    let opened = association
                        .open_stream(STREAM, PayloadProtocolIdentifier::Binary)
                        .and_then(|mut stream| {
                            stream.set_reliability_params(true, ReliabilityType::Rexmit, 0)
                        });
                    match opened {
                        Ok(()) => {
                            self.stage = Stage::Open;
                            self.events.push_back(Event::Opened);
                        }
                        Err(error) => failure = Some(DataChannelError::Sctp(error.to_string())),
                    }
                }
                sctp_proto::Event::Stream(StreamEvent::Readable { id }) => {
                    read(association, id, &mut self.events);
                }
                sctp_proto::Event::Stream(StreamEvent::Finished { id: STREAM }) => {
                    failure = Some(DataChannelError::Closed);
                }
                sctp_proto::Event::HandshakeFailed { reason }
                | sctp_proto::Event::AssociationLost { reason } => {
                    failure = Some(DataChannelError::Sctp(reason.to_string()));
                }
                _ => {}
            }
        }
        while let Some(event) = association.poll_endpoint_event() {
            let _ = self.endpoint.handle_event(*handle, event);
        }
        if let Some(failure) = failure {
            self.fail(failure);
        }
    }

    /// What SCTP wants to send.
    fn packets(&mut self, now: Time) -> Vec<Vec<u8>> {
        let at = self.epoch + now;
        let mut packets = Vec::new();
        let mut take = |payload| {
            if let Payload::RawEncode(raw) = payload {
                packets.extend(raw.iter().map(|packet| packet.to_vec()));
            }
        };
        while let Some(transmit) = self.endpoint.poll_transmit() {
            take(transmit.payload);
        }
        if let Some((_, association)) = &mut self.association {
            while let Some(transmit) = association.poll_transmit(at) {
                take(transmit.payload);
            }
        }
        packets
    }
}

/// The messages of a stream. Of another than ours they are read and forgotten, so that they hold no memory.
fn read(association: &mut Association, id: u16, events: &mut VecDeque<Event>) {
    let Ok(mut stream) = association.stream(id) else {
        return;
    };
    while let Ok(Some(chunks)) = stream.read() {
        let mut message = vec![0; chunks.len().min(LONGEST)];
        if chunks.len() <= LONGEST
            && id == STREAM
            && let Ok(length) = chunks.read(&mut message)
        {
            message.truncate(length);
            events.push_back(Event::Message(message));
        }
    }
}

fn transport() -> TransportConfig {
    let (initial, least, most) = RTO;
    TransportConfig::default()
        .with_rto_initial_ms(initial)
        .with_rto_min_ms(least)
        .with_rto_max_ms(most)
}
