//! The profile of H.264 in `profile-level-id` (RFC 6184 8.1): three bytes in hexadecimal, of which the first two are the
//! profile and its constraints, and the last the level.

use strum::IntoStaticStr;

/// Profiles of which two sides need the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Profile {
    #[strum(serialize = "Constrained Baseline")]
    ConstrainedBaseline,
    Baseline,
    Main,
    Extended,
    #[strum(serialize = "Constrained High")]
    ConstrainedHigh,
    High,
    #[strum(serialize = "High 4:4:4 Predictive")]
    High444,
    Other(u8, u8),
}

/// Where the parameter is missing, Baseline at level 1 is meant (RFC 6184 8.1), which browsers take for Constrained
/// Baseline at level 3.1.
pub const DEFAULT: Profile = Profile::ConstrainedBaseline;

/// Profile and level; `None` if the text is none.
pub fn profile(text: &str) -> Option<(Profile, u8)> {
    let digits = text.trim();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, idc, constraints, level] = number.to_be_bytes();
    (level != 0).then(|| (of(idc, constraints), level))
}

/// RFC 6184 8.1, table 5: several combinations are the same subset.
const fn of(idc: u8, constraints: u8) -> Profile {
    // constraint_set0_flag is the highest bit.
    let [set0, set1, set3, set4, set5] = [
        constraints & 0x80 != 0,
        constraints & 0x40 != 0,
        constraints & 0x10 != 0,
        constraints & 0x08 != 0,
        constraints & 0x04 != 0,
    ];
    match idc {
        0x42 if set1 => Profile::ConstrainedBaseline,
        0x42 => Profile::Baseline,
        0x4d if set0 => Profile::ConstrainedBaseline,
        0x4d => Profile::Main,
        0x58 if set0 && set1 => Profile::ConstrainedBaseline,
        0x58 if set0 => Profile::Baseline,
        0x58 => Profile::Extended,
        0x64 if set4 && set5 => Profile::ConstrainedHigh,
        0x64 => Profile::High,
        0xf4 if !set3 => Profile::High444,
        _ => Profile::Other(idc, constraints),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_that_are_the_same_profile() {
        for (text, wanted) in [
            ("42e01f", Profile::ConstrainedBaseline),
            ("42E01F", Profile::ConstrainedBaseline),
            ("4d801f", Profile::ConstrainedBaseline),
            ("58c01f", Profile::ConstrainedBaseline),
            ("42001f", Profile::Baseline),
            ("58a01f", Profile::Baseline),
            ("4d001f", Profile::Main),
            ("4d401f", Profile::Main),
            ("640c1f", Profile::ConstrainedHigh),
            ("64001f", Profile::High),
            ("f4001f", Profile::High444),
        ] {
            assert_eq!(
                profile(text).map(|(profile, _)| profile),
                Some(wanted),
                "{text}"
            );
        }
        for wrong in ["xyz", "42e0", "0", "", "42e01f0", "+2e01f", "42e000"] {
            assert_eq!(profile(wrong), None, "{wrong}");
        }
    }
}
