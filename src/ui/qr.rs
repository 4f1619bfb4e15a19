//! A QR code on a terminal: two modules, one above the other, in each character.

use qrcode::{Color, EcLevel, QrCode};

/// The quiet zone around it (ISO/IEC 18004 has 4; telephones read 2).
const QUIET: usize = 2;
/// Black on white whatever the colours of the terminal are, and back to those.
const BLACK_ON_WHITE: &str = "\x1b[30;107m";
const AS_BEFORE: &str = "\x1b[0m";

/// The code of a text in lines, if a terminal of that size has room for it.
pub fn picture(text: &str, columns: usize, rows: usize) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let whole = width + 2 * QUIET;
    if whole > columns || whole.div_ceil(2) > rows {
        return None;
    }
    let colors = code.to_colors();
    let is_dark = |x: usize, y: usize| {
        let (x, y) = (x.checked_sub(QUIET), y.checked_sub(QUIET));
        let at = x.zip(y).filter(|(x, y)| *x < width && *y < width);
        at.is_some_and(|(x, y)| colors[y * width + x] == Color::Dark)
    };
    let lines = (0..whole).step_by(2).map(|y| {
        let modules = (0..whole).map(|x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        let modules: String = modules.collect();
        format!("{BLACK_ON_WHITE}{modules}{AS_BEFORE}")
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://rdv.example.org/#SJT6-4CX3-QHMX-EBWX-C";

    /// The modules of a line, without colours.
    fn modules(line: &str) -> Vec<char> {
        let inner = line.strip_prefix(BLACK_ON_WHITE).expect("its colours");
        inner
            .strip_suffix(AS_BEFORE)
            .expect("its end")
            .chars()
            .collect()
    }

    #[test]
    fn it_is_a_square_with_its_three_finders() {
        let drawn = picture(LINK, 80, 24).expect("room");
        let lines: Vec<Vec<char>> = drawn.lines().map(modules).collect();
        let width = lines[0].len();
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines.iter().all(|line| line.len() == width));
        // Seven modules, of which the first row is dark, and the second has its ends alone.
        let finder: String = "█▀▀▀▀▀█".into();
        let first: String = lines[QUIET / 2].iter().collect();
        assert_eq!(first.trim().chars().take(7).collect::<String>(), finder);
        assert!(first.trim().ends_with(&finder), "{first}");
        let lower: String = lines[(width - QUIET - 7) / 2].iter().collect();
        let after: String = lower.trim().chars().take(7).collect();
        assert!(["█▀▀▀▀▀█", "▄▄▄▄▄▄▄"].contains(&&*after), "{drawn}");
    }

    #[test]
    fn it_is_left_out_where_it_does_not_fit() {
        assert!(picture(LINK, 30, 24).is_none());
        assert!(picture(LINK, 80, 12).is_none());
        assert!(picture(&"x".repeat(5000), 1000, 1000).is_none());
    }
}
