//! How much is said, so that it fits in three lines.

/// How long it may be: lines of a terminal, and columns of each.
const LINES: usize = 3;
const COLUMNS: usize = 80;

/// How much is said; what is left out stands above it in the text.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent parts")]
pub(super) struct Wording {
    pub full_cause: bool,
    /// The same of why no relay helped.
    pub full_relay_cause: bool,
    pub full_remedy: bool,
    pub has_relay: bool,
    pub has_public_address: bool,
    pub has_loss: bool,
    pub has_second_cause: bool,
    /// Which large datagrams are lost.
    pub full_limits: bool,
    pub has_remedy: bool,
}

const FULL: Wording = Wording {
    full_cause: true,
    full_relay_cause: true,
    full_remedy: true,
    has_relay: true,
    has_public_address: true,
    has_loss: true,
    has_second_cause: true,
    full_limits: true,
    has_remedy: true,
};
const IN_BRIEF: Wording = Wording {
    full_cause: false,
    full_relay_cause: false,
    full_remedy: false,
    full_limits: false,
    ..FULL
};
const WITHOUT_RELAY: Wording = Wording {
    has_relay: false,
    ..IN_BRIEF
};
const WITHOUT_ADDRESS: Wording = Wording {
    has_public_address: false,
    has_loss: false,
    ..WITHOUT_RELAY
};
const OF_ONE_CAUSE: Wording = Wording {
    has_second_cause: false,
    ..WITHOUT_ADDRESS
};

/// From the most to the fewest words.
const WORDINGS: [Wording; 11] = [
    FULL,
    Wording {
        full_remedy: false,
        ..FULL
    },
    Wording {
        full_cause: false,
        ..FULL
    },
    Wording {
        full_relay_cause: true,
        ..IN_BRIEF
    },
    IN_BRIEF,
    Wording {
        full_remedy: true,
        ..WITHOUT_RELAY
    },
    WITHOUT_RELAY,
    Wording {
        has_loss: false,
        ..WITHOUT_RELAY
    },
    WITHOUT_ADDRESS,
    OF_ONE_CAUSE,
    Wording {
        has_remedy: false,
        ..OF_ONE_CAUSE
    },
];

/// The longest wording that fits.
pub(super) fn fitted(say: impl Fn(Wording) -> String) -> String {
    let mut said = WORDINGS.into_iter().map(say);
    let mut last = String::new();
    said.find(|text| {
        last.clone_from(text);
        lines(text) <= LINES
    })
    .unwrap_or(last)
}

/// How many lines a text takes on a terminal.
fn lines(text: &str) -> usize {
    let mut lines = 1;
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > COLUMNS {
            lines += 1;
            used = length;
        } else {
            used += length + usize::from(used > 0);
        }
    }
    lines
}
