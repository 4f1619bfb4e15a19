//! Whose loss it is, in the same words wherever packets are lost.

/// What many lost packets prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losing {
    /// Servers of several operators lose alike.
    Line,
    /// The servers of so many operators were asked, and it is not to be told.
    Untold { operators: usize },
}

impl Losing {
    pub const fn why(self) -> &'static str {
        match self {
            Self::Line => {
                "servers of different operators lose alike, so it is this line, or something on it that all packets pass, such as a router that limits new flows; calls may be poor or break off"
            }
            Self::Untold { operators: 0 | 1 } => {
                "one server alone does not tell whether this line loses packets or the server does, by a limit of the rate or by overload"
            }
            Self::Untold { .. } => {
                "too few requests went to each server to tell whether this line loses packets or one of them does, by a limit of the rate or by overload"
            }
        }
    }

    pub const fn hint(self) -> &'static str {
        match self {
            Self::Line => {
                "look for Wi-Fi, a full line and limits in the router; try a cable, and run it again when the network is less busy"
            }
            Self::Untold { operators: 2.. } => {
                "run it again, with more servers of other operators (-s): where several lose as much, it is this line"
            }
            Self::Untold { .. } => {
                "rtcdiag nat with servers of other operators (-s) tells: where they lose as much, it is this line; else look at this server's load and limits (coturn: max-bps)"
            }
        }
    }
}

/// The same of a server that loses where others answer.
pub const HINT_OF_SERVER: &str = "nothing is to be done here: look at that server's load and limits if it is yours, or ask another one with -s";
