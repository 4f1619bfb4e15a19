//! The session code: 80 random bits that one side shows and the other types.
//!
//! From it come the room's name, which the rendezvous server sees, and the keys, which it does not.

use std::fmt;
use std::str::FromStr;

use ring::hkdf;

/// Crockford's base 32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 80 bits in characters of five.
const DIGITS: usize = 16;
const GROUP: usize = 4;

/// Separates these keys from those of every other program and version.
const SALT: &[u8] = b"rtcdiag session code 1";

#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; 10]);

impl fmt::Debug for Code {
    /// Whoever knows the code can read and write everything, so it is shown on purpose only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Too short or too long.
    #[error(
        "a code has 17 letters and digits, such as 4HDM-J996-404S-586A-A, and this one has {0}"
    )]
    Length(usize),
    #[error("'{}' does not occur in a code", .0.escape_debug())]
    Character(char),
    #[error("the code has a typing mistake: its last character does not fit the others")]
    Check,
}

impl Code {
    pub const fn new(bits: [u8; 10]) -> Self {
        Self(bits)
    }

    /// The name of the room, which tells nothing about the code.
    pub fn room(&self) -> String {
        let mut name = [0; 16];
        self.derive(&[b"room"], &mut name);
        base32(&name)
    }

    /// The topic at an MQTT broker, which tells nothing either, nor which room it would be.
    pub fn topic(&self) -> String {
        let mut name = [0; 16];
        self.derive(&[b"topic"], &mut name);
        base32(&name)
    }

    /// The code of a part: who knows this code knows that one too, and not the other way round.
    #[must_use]
    pub fn part(&self, purpose: &[&[u8]]) -> Self {
        let mut bits = [0; 10];
        let mut whole: Vec<&[u8]> = vec![b"part "];
        whole.extend(purpose);
        self.derive(&whole, &mut bits);
        Self(bits)
    }

    /// Fills `out` with bytes for a purpose.
    pub(super) fn derive(&self, purpose: &[&[u8]], out: &mut [u8]) {
        struct Length(usize);
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        hkdf::Salt::new(hkdf::HKDF_SHA256, SALT)
            .extract(&self.0)
            .expand(purpose, Length(out.len()))
            .and_then(|key| key.fill(out))
            .expect("HKDF gives far more bytes than anybody asks for here");
    }
}

impl fmt::Display for Code {
    /// In groups of four, the check character last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = base32(&self.0);
        for start in (0..DIGITS).step_by(GROUP) {
            write!(f, "{}-", &digits[start..start + GROUP])?;
        }
        write!(f, "{}", char::from(check(digits.as_bytes())))
    }
}

impl FromStr for Code {
    type Err = CodeError;

    /// Letters may be small, confusable ones are taken for what they look like, and hyphens and
    /// spaces may stand anywhere.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let digits = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
            .map(digit)
            .collect::<Result<Vec<u8>, CodeError>>()?;
        let Ok([digits @ .., given]) = <[u8; DIGITS + 1]>::try_from(digits.as_slice()) else {
            return Err(CodeError::Length(digits.len()));
        };
        let letters: Vec<u8> = digits.iter().map(|d| ALPHABET[usize::from(*d)]).collect();
        if check(&letters) != ALPHABET[usize::from(given)] {
            return Err(CodeError::Check);
        }
        let mut bits = [0; 10];
        for (index, digit) in digits.iter().enumerate() {
            for bit in 0..5 {
                if digit & (0x10 >> bit) != 0 {
                    let place = index * 5 + bit;
                    bits[place / 8] |= 0x80 >> (place % 8);
                }
            }
        }
        Ok(Self(bits))
    }
}

fn digit(c: char) -> Result<u8, CodeError> {
    let plain = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        'U' => 'V',
        other => other,
    };
    ALPHABET
        .iter()
        .position(|known| char::from(*known) == plain)
        .and_then(|place| u8::try_from(place).ok())
        .ok_or(CodeError::Character(c))
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

/// A character that changes with each digit and with the order of any two neighbours: a weighted
/// sum modulo 31, whose weights are all different.
fn check(letters: &[u8]) -> u8 {
    let place = |letter: &u8| ALPHABET.iter().position(|l| l == letter).unwrap_or(0);
    let sum: usize = letters
        .iter()
        .zip(1..)
        .map(|(letter, weight)| place(letter) * weight)
        .sum();
    ALPHABET[sum % 31]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        Code::new([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x0f, 0xed])
    }

    #[test]
    fn people_may_type_it_in_their_way() {
        let shown = code().to_string();
        assert_eq!(shown.len(), 21, "{shown}");
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            shown.replace('-', " "),
            shown.replace('0', "O").replace('1', "l"),
        ] {
            assert_eq!(typed.parse::<Code>(), Ok(code()), "{typed}");
        }
    }

    #[test]
    fn every_wrong_letter_and_every_swap_of_neighbours_is_noticed() {
        let shown = code().to_string().replace('-', "");
        let letters: Vec<char> = shown.chars().collect();
        let mut unnoticed = 0;
        for place in 0..DIGITS {
            for letter in ALPHABET.map(char::from) {
                let mut typed = letters.clone();
                typed[place] = letter;
                let wrong = typed != letters;
                let typed: String = typed.into_iter().collect();
                // Modulo 31, the first and the last letter of the alphabet count the same.
                unnoticed += usize::from(wrong && typed.parse::<Code>().is_ok());
            }
        }
        assert!(unnoticed <= 2, "{unnoticed}");
        for place in 0..DIGITS - 1 {
            let mut typed = letters.clone();
            typed.swap(place, place + 1);
            let differs = typed != letters;
            let typed: String = typed.into_iter().collect();
            assert!(!differs || typed.parse::<Code>().is_err(), "{typed}");
        }
    }

    #[test]
    fn what_is_no_code_is_told() {
        assert_eq!("".parse::<Code>(), Err(CodeError::Length(0)));
        assert_eq!("ABC".parse::<Code>(), Err(CodeError::Length(3)));
        assert_eq!("AB?".parse::<Code>(), Err(CodeError::Character('?')));
    }

    #[test]
    fn parts_differ_from_the_whole_and_from_each_other() {
        let part = code().part(&[b"lobby"]);
        assert_eq!(part, code().part(&[b"lobby"]));
        assert_ne!(part, code());
        assert_ne!(part, code().part(&[b"edge"]));
        assert_ne!(part, Code::new([0; 10]).part(&[b"lobby"]));
    }

    #[test]
    fn the_room_tells_nothing_of_the_code() {
        let room = code().room();
        assert_eq!(room.len(), 26);
        assert_ne!(room, Code::new([0; 10]).room());
        let digits = code().to_string().replace('-', "");
        assert!(!room.contains(&digits[..8]));
        let topic = code().topic();
        assert_eq!(topic.len(), 26);
        assert!(topic != room && !topic.contains(&digits[..8]));
    }
}
