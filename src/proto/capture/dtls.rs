//! DTLS records as a capture has them (RFC 6347, RFC 9147): handshakes in the clear, alerts, and data.

use strum::IntoStaticStr;

/// Alerts that end a handshake (RFC 8446 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Alert {
    UnexpectedMessage,
    HandshakeFailure,
    BadCertificate,
    UnsupportedCertificate,
    CertificateExpired,
    CertificateUnknown,
    IllegalParameter,
    UnknownCa,
    DecryptError,
    ProtocolVersion,
    InternalError,
    Other,
}

/// What a datagram has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flight {
    ClientHello,
    /// With the version that was chosen, as far as the record tells.
    ServerHello,
    /// More of the handshake: certificates, keys, what is encrypted in version 1.2.
    Handshake,
    /// In the clear and fatal.
    Alert(Alert),
    /// The end, or something encrypted that ends it.
    Closing,
    /// Encrypted data of version 1.2.
    Data,
    /// Encrypted in version 1.3: handshake, data or alert.
    Sealed,
}

impl Flight {
    pub const fn is_handshake(self) -> bool {
        matches!(
            self,
            Self::ClientHello | Self::ServerHello | Self::Handshake
        )
    }
}

/// Reads the first record of a datagram.
pub fn flight(payload: &[u8]) -> Option<Flight> {
    let kind = *payload.first()?;
    // The unified header (RFC 9147 4).
    if kind & 0xe0 == 0x20 {
        return Some(Flight::Sealed);
    }
    let version = [*payload.get(1)?, *payload.get(2)?];
    if version[0] != 0xfe {
        return None;
    }
    let epoch = u16::from_be_bytes([*payload.get(3)?, *payload.get(4)?]);
    Some(match kind {
        20 => Flight::Handshake,
        21 if epoch > 0 => Flight::Closing,
        21 => match (payload.get(13), payload.get(14)) {
            (Some(2), Some(description)) => Flight::Alert(alert(*description)),
            _ => Flight::Closing,
        },
        22 if epoch > 0 => Flight::Handshake,
        22 => match payload.get(13) {
            Some(1) => Flight::ClientHello,
            Some(2) => Flight::ServerHello,
            _ => Flight::Handshake,
        },
        23 => Flight::Data,
        _ => return None,
    })
}

const fn alert(description: u8) -> Alert {
    match description {
        10 => Alert::UnexpectedMessage,
        40 => Alert::HandshakeFailure,
        42 => Alert::BadCertificate,
        43 => Alert::UnsupportedCertificate,
        45 => Alert::CertificateExpired,
        46 => Alert::CertificateUnknown,
        47 => Alert::IllegalParameter,
        48 => Alert::UnknownCa,
        51 => Alert::DecryptError,
        70 => Alert::ProtocolVersion,
        80 => Alert::InternalError,
        _ => Alert::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_apart() {
        let record = |kind: u8, epoch: u8, body: &[u8]| {
            [
                &[kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 0, 0, 9][..],
                body,
            ]
            .concat()
        };
        for (payload, flight_wanted) in [
            (record(22, 0, &[1]), Some(Flight::ClientHello)),
            (record(22, 0, &[2]), Some(Flight::ServerHello)),
            (record(22, 0, &[11]), Some(Flight::Handshake)),
            (record(22, 1, &[1]), Some(Flight::Handshake)),
            (
                record(21, 0, &[2, 42]),
                Some(Flight::Alert(Alert::BadCertificate)),
            ),
            (record(21, 0, &[1, 0]), Some(Flight::Closing)),
            (record(21, 1, &[2, 42]), Some(Flight::Closing)),
            (record(23, 1, &[9]), Some(Flight::Data)),
            (vec![0x2f, 1, 2], Some(Flight::Sealed)),
            (vec![22, 3, 3, 0, 0], None),
            (vec![], None),
        ] {
            assert_eq!(flight(&payload), flight_wanted, "{payload:?}");
        }
        assert_eq!(<&str>::from(Alert::BadCertificate), "bad_certificate");
    }
}
