//! What the program can say: one value for each finding, error and reason.

pub mod catalogue;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::base::report::Severity;

/// The enum and its severities, each code named once.
macro_rules! codes {
    ($($severity:ident: $($(#[$attribute:meta])* $code:ident),+;)+) => {
        /// What a finding, an error or the reason of an open fact says. In JSON and in texts it is
        /// the name in kebab-case, which stays the same from version to version.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            Display, EnumIter, EnumString, IntoStaticStr,
        )]
        #[strum(serialize_all = "kebab-case")]
        pub enum Code {
            $($($(#[$attribute])* $code,)+)+
        }

        impl Code {
            /// How bad it is where a finding does not say otherwise.
            pub const fn severity(self) -> Severity {
                match self {
                    $($(Self::$code)|+ => Severity::$severity,)+
                }
            }
        }
    };
}

codes! {
    // The command, its files and this machine.
    Error: Usage, ExpectationNotMet, ExpectationUnknown, CutShort, DemoPartFailed, NoNetwork, Io,
        Listen, CredentialsNeeded, CredentialsExpired;
    Warning: Timeout, LocalLimit, SecretFileReadable, SecretFileForm, CredentialsUnused,
        TooManyInterfaces, TooManyServers,
        InterfacesNotListed, Ipv6WithoutRoute, SilentLocalAddress, IceServerLeftOut;
    Info: Interrupted, NoCredentials, CredentialsTimeLimited, InterfacesLeftOut,
        InterfaceWithoutWay, VirtualInterface, DefaultRouteVpn, NotDefaultRoute,
        ProxyInEnvironment, IceServersForm, AddressesUntried;
    // Why a fact is not known.
    Error: NoResponse;
    Info: Filtered, TooFewSamples, TooFewServers, OtherTraffic, NotApplicable, UdpOpen,
        PolicyForbids, FamilyNotRelayed, EarlierFailure, LeftOut, NotAskedFor, NotImplemented,
        Unknown;
    // A server, and the way to it.
    Error: Dns, WrongFamily, Refused, Unreachable, Forbidden, Closed, Tls, CertificateExpired,
        CertificateNotYetValid, CertificateWrongName, CertificateUnknownIssuer,
        CertificateSelfSigned, CertificatePrivateRoot, CertificateIncomplete,
        CertificateNotAccepted, NoUsableCertificate, PortSpeaksTls, PortSpeaksPlain, TlsElsewhere,
        TcpElsewhere,
        ProxyProtocolExpected, NothingBehind, WebServer, ReachedByProxy, ProxyRefuses, NotStun, Rejected, LargePacketsLost,
        Malformed, StunError, WrongSource, BadAddress, Untruthful, Outvoted, Translated,
        SourceRewritten, NoServerResolved, NoAnswer, ServerSilent, PortSilent, ServerRefused,
        ServerUnreachable, ServerClosed, NameMisdirected, BroadcastAddress;
    Info: NotWaitedFor;
    Warning: CertificateEndsSoon, NoUdpServer, ServerUnresolved, ServerTls, ServerUntruthful,
        ServerContradicts, AddressDead, BrowserRefusesPort, StunSwitchedOff, ServerBehindNat64,
        ServerWrongSource, ServerSourceRewritten, ServerSlow, ServerIpv4Mapped, ServerUnreliable, Stragglers;
    // UDP, TCP and the NAT.
    Error: UdpBlocked;
    Warning: PathSilent, TcpForbidden, ReflexiveNotPublic, SeveralReflexiveAddresses, Alg,
        EndpointDependent, EndpointDependentMapping, AddressPooling, AddressPoolingArbitrary,
        PortMoved, MappingChanged, Contradiction, PacketLoss, Inconclusive, NoBehaviorDiscovery,
        ServerIgnoresChangeRequest, AlternateUnreachable, AlternateVisited, SingleServer;
    Error: NoInternet, StunFiltered;
    Warning: UdpPortBlocked, BindingWantsCredentials;
    Info: NameResolvesPrivate, UdpBlockedEvidence, TcpFallback, TcpMappingEndpointDependent, TcpAcceptedWithoutStun,
        TcpOtherExternalAddress, NoNat, NoMappedAddress, PlainAddressOnly, StrayDatagrams,
        HairpinFiltered, FilteringRestsOnSilence, ServerBehaviorDiscoveryBroken,
        ServerDropsChangeRequest, NoWayToAlternate, NoResponsePort;
    // Ports, lifetimes and rounds.
    Error: RoundsBad;
    Warning: PortOverloading, MappingCollides, NoSecondAddress, BindingLifetimeShort,
        BindingLifetimeUnknown, AddressChanged, LocalAddressChanged, BehaviorChanged,
        ReachabilityChanged, RoundsInconclusive, RoundsMissing, RoundsWithoutNetwork;
    Info: CollisionInconclusive, PortNotPreserved, BindingLifetime, BindingLifetimeSoFar,
        RoundTripChanged;
    // Between the address families.
    Error: Nat64Silent;
    Warning: Ipv4AddressOnIpv6Network, Nat64NoRoute, Nat64PrefixNotFound, Nat64PrefixNotTold, Nat64PrefixUnknown,
        Nat64PrefixWrong;
    Info: #[strum(serialize = "464xlat")] Xlat464, Nat64, NoNat64Prefix;
    // The router and the NATs behind it.
    Warning: DoubleNat, ExternalAddressMismatch, RouterNotConnected, RouterBehindNat,
        RouterOutOfResources, RouterContradicts, GatewayLocationForeign, PortMappingDoesNotWork,
        PortMappingRefused, PortMappingMayRemain;
    Info: CarrierNat, AddressMismatch, SecondNat, OwnerUnknown, OpenWithoutMapping, NoRouter,
        NoPortControl, RouterNotOnPath, RouterRefuses, RouterNotAuthorized, RouterAnswerUnusable,
        RouterOtherVersion, Unusable, OtherGateway, PortMappingOffered, PortMappingWorks,
        PortMappingNotShown;
    // Answers of TURN servers.
    Error: BadRequest, Unauthorized, MethodNotAllowed, UnknownAttribute, AllocationMismatch,
        StaleNonce, RealmChanges, AddressFamilyNotSupported, WrongCredentials, UnsupportedTransportProtocol,
        PeerAddressFamilyMismatch, ConnectionAlreadyExists, AllocationQuotaReached, ServerError,
        InsufficientCapacity, TryAlternate, BadIntegrity, NoIntegrity, EmptyRealm,
        SilentAfterChallenge, BadRelayedAddress, AnswerIncomplete;
    Warning: OtherFamilyByDefault;
    // Relays.
    Error: RelayUnreachable, RelayWithoutCredentials, AnyPasswordAccepted, RelayedAddressPrivate,
        UnsafePeersAllowed, NoData, NoChannelData, DataChanged, TurnSilent;
    Warning: PeersNotAllowed, RelayOpensFromInside, RelayRateLimited, RelayUnverified, RelayUnreachableFromHere, RelayToRelayFails, RelayToRelayForbidden,
        RelayLoss, UselessPeersAllowed, PrivatePeersAllowed, TurnOverRate, TurnLimitReached;
    Info: TransportAbsent, TurnPeersRefused;
    // Candidate pairs.
    Error: NotReachableFamily, PermissionFailed, RelayGone, ErrorResponse, AnswerFromElsewhere,
        NotPermitted, IcmpUnreachable, PeerGone, NotChecked, DirectFailed, RelayFailed,
        NoRelayCandidates, PathEnded, LargeDatagramsLost;
    // Why two hosts have no direct path, and why no relay helped.
    Error: RelayOnly, NoCommonFamily, NoCandidates, HiddenAddresses, NoHairpinning,
        ClientIsolation, AnswersLost, NoTurnServer, TurnUnreachable, TurnRefused,
        TurnPeerForbidden, RelayAddressPrivate, RelayPortsClosed;
    // What goes wrong in a call after ICE, or before it.
    Error: DescriptionFailed, DtlsFailed, CandidatesLost, PathLost;
    // Audio and video with a browser.
    Error: NoMedia;
    Warning: MediaUntested;
    Info: MediaSynthetic;
    // Files of recorded calls.
    Error: FileUnreadable;
    Warning: FileDamaged, RecordedTooLate, SideSupposed, ListCut;
    Info: OneEndOnly, CallsDiffer;
    // Candidate pairs, too.
    Warning: PairsLeftOut, CheckLimit, RelayedAlthoughDirectWorks, RelayEnded, HighJitter, HighRoundTrip,
        PredictionContradicted;
    Info: ForbiddenIp, RoleConflict;
    // The two sides of a session.
    Error: NoPeer, PeerInterrupted, PeerOutOfTime, PeerFailed, PeerVanished, PeerMute, PeerUdpBlocked,
        NoAgreement, BadDescription, NoDescription, Agent;
    Warning: ThirdJoiner, MessagesRefused, CandidatesLeftOut, PeerTurnFailed, PeerAddressUseless;
    Info: DescriptionOdd, PeerVersion, PeerVirtualInterface, RemoteIncomplete, AgreementUnknown;
    // A session description.
    Error: SdpLine, SdpLineOrder, SdpAttribute, SdpMediaLine, SdpMid, SdpBundle, SdpRtcpMux, SdpIce,
        SdpFingerprint, SdpSetup, SdpPayloadType, SdpHeaderExtension, SdpSimulcast, SdpDirection,
        SdpProtocol, SdpCrypto, SdpSectionsDiffer, SdpSectionRefused, SdpOwnDescription, SdpRefused,
        NoCommonCodec;
    Warning: SdpLineEnds, SdpNoMedia, SdpCandidates, SdpAddress, SdpCodecParameters,
        SdpCodecNotOffered, SdpDataChannel, SdpIceLite, SdpSeveral;
    Info: SdpNotWebrtc, SdpIceRestart;
    // The rendezvous.
    Error: RendezvousFailed, NotARendezvous, RefusedByRendezvous, HttpError, Redirected,
        UpgradeNotPassed, RoomFull, MeshFull, BadJoin,
        Version, TooLarge, TooFast, TooManyRooms, Slow, Silent, Unfinished, RoomFlooded, Replaced, RoomExpired, ShuttingDown,
        NotABroker, BrokerUnavailable, BrokerLogin, BrokerForbids, BrokerBudget, BrokerFlood;
    Warning: TooManyConnections, RendezvousUnusable, RoomsNotShared, UnsafeSetting, LimitTooLow;
    Info: RendezvousReconnected;
}

impl<'de> Deserialize<'de> for Code {
    /// A code that only a newer version has is [`Code::Unknown`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(name.parse().unwrap_or(Self::Unknown))
    }
}

impl Code {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it says that a port has something else than what was asked for.
    pub const fn is_of_another_protocol(self) -> bool {
        matches!(
            self,
            Self::NotStun
                | Self::PortSpeaksTls
                | Self::PortSpeaksPlain
                | Self::TlsElsewhere
                | Self::TcpElsewhere
                | Self::ProxyProtocolExpected
                | Self::NothingBehind
                | Self::WebServer
        )
    }

    /// Whether a server says that user name and password do not fit.
    pub const fn is_of_credentials(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::WrongCredentials | Self::BadIntegrity
        )
    }

    /// Whether it says that a certificate is not accepted.
    pub const fn is_of_certificate(self) -> bool {
        matches!(
            self,
            Self::CertificateExpired
                | Self::CertificateNotYetValid
                | Self::CertificateWrongName
                | Self::CertificateUnknownIssuer
                | Self::CertificateSelfSigned
                | Self::CertificatePrivateRoot
                | Self::CertificateIncomplete
                | Self::CertificateNotAccepted
        )
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
