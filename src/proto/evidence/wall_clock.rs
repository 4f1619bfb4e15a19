//! Times in the words of some language, without a zone, as older dumps have them: "11/29/2026, 2:06:12 AM",
//! "29.11.2026 klo 2.06.12", "12:34:56.789 PM". When that was is not known; how long after each other two of them
//! were, is.

const DAY_MS: f64 = 86_400_000.0;
/// Where the first day begins: some time in 2001, so that nothing takes it for a duration.
const FIRST_DAY_MS: f64 = 11_600.0 * DAY_MS;
/// Events are written down in their order, but for the clock's steps.
const BACKWARDS_MS: f64 = 60_000.0;

/// Reads the times of one list, in their order.
#[derive(Debug, Default)]
pub struct WallClock {
    /// The last date, as its numbers stand there, and the time of that day.
    last: Option<(Vec<u32>, f64)>,
    days: f64,
    /// Whether the list made no sense.
    is_lost: bool,
}

impl WallClock {
    /// Milliseconds since an unknown moment.
    pub fn read(&mut self, text: &str) -> Option<f64> {
        let (date, of_day) = parts(text)?;
        if self.is_lost {
            return None;
        }
        if let Some((last_date, last)) = &self.last {
            let is_later_day = *last_date != date;
            // Without a date, only midnight goes back so far.
            let is_midnight = date.is_empty() && of_day < last - DAY_MS / 2.0;
            if is_midnight || is_later_day && is_next_day(last_date, &date) {
                self.days += 1.0;
            } else if is_later_day || of_day < last - BACKWARDS_MS {
                self.is_lost = true;
                return None;
            }
        }
        self.last = Some((date, of_day));
        Some(FIRST_DAY_MS + self.days * DAY_MS + of_day)
    }
}

/// Whether one number is one more and those that are smaller units begin anew, whatever their order is.
fn is_next_day(one: &[u32], two: &[u32]) -> bool {
    if one.len() != two.len() {
        return false;
    }
    let changed: Vec<(u32, u32)> = one
        .iter()
        .zip(two)
        .filter(|(a, b)| a != b)
        .map(|(a, b)| (*a, *b))
        .collect();
    let stepped = changed
        .iter()
        .filter(|(a, b)| a.checked_add(1) == Some(*b))
        .count();
    let began_anew = changed.iter().filter(|(a, b)| *b == 1 && *a > 11).count();
    stepped == 1 && stepped + began_anew == changed.len()
}

/// The numbers of the date, and milliseconds since midnight.
fn parts(text: &str) -> Option<(Vec<u32>, f64)> {
    // With a zone or in another form it is none of these.
    if text.len() > 64 || text.contains("GMT") || text.ends_with('Z') {
        return None;
    }
    let text: String = text.chars().map(plain).collect();
    let groups = groups(&text);
    let has_colon = |group: &&Group| group.separator == Some(':');
    let time = groups
        .iter()
        .rposition(|group| has_colon(&group))
        .or_else(|| groups.iter().rposition(|group| group.numbers.len() > 1))?;
    let date: Vec<u32> = groups
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != time)
        .flat_map(|(_, group)| group.numbers.clone())
        .collect();
    let [hours, minutes, rest @ ..] = groups[time].numbers.as_slice() else {
        return None;
    };
    let seconds = f64::from(*rest.first().unwrap_or(&0));
    let (hours, minutes) = (half_of_day(&text, *hours)?, *minutes);
    if minutes > 59 || seconds > 60.0 || date.len() > 3 {
        return None;
    }
    let of_day = f64::from(hours * 3600 + minutes * 60) + seconds + groups[time].fraction;
    Some((date, of_day * 1000.0))
}

/// Digits of other scripts, and spaces that do not look like any.
fn plain(c: char) -> char {
    const ZEROS: [u32; 4] = [0x660, 0x6f0, 0x966, 0x9e6];
    let digit = ZEROS
        .iter()
        .find_map(|zero| (u32::from(c).wrapping_sub(*zero) < 10).then(|| u32::from(c) - zero));
    match digit.and_then(|digit| char::from_digit(digit, 10)) {
        Some(digit) => digit,
        None if c.is_whitespace() => ' ',
        None => c,
    }
}

/// Numbers that one sign stands between.
#[derive(Debug, Default)]
struct Group {
    numbers: Vec<u32>,
    separator: Option<char>,
    /// What stands behind the seconds.
    fraction: f64,
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut between = String::from(" ");
    let mut rest = text;
    while let Some(begins) = rest.find(|c: char| c.is_ascii_digit()) {
        between.push_str(&rest[..begins]);
        rest = &rest[begins..];
        let ends = rest.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = rest.split_at(ends.unwrap_or(rest.len()));
        rest = after;
        let number = digits.parse().unwrap_or(u32::MAX);
        let sign = between
            .chars()
            .next()
            .filter(|_| between.chars().count() == 1);
        let last = groups.last_mut().filter(|group| group.numbers.len() < 3);
        match (sign, last) {
            (Some(sign @ (':' | '.' | '/' | '-')), Some(group))
                if group.separator.is_none_or(|known| known == sign) =>
            {
                group.separator = Some(sign);
                group.numbers.push(number);
            }
            (Some('.' | ','), None) => {
                let seconds = groups
                    .last_mut()
                    .filter(|g| g.separator == Some(':') || g.separator == Some('.'));
                if let Some(group) = seconds {
                    group.fraction = format!("0.{digits}").parse().unwrap_or(0.0);
                }
            }
            _ => groups.push(Group {
                numbers: vec![number],
                ..Group::default()
            }),
        }
        between.clear();
    }
    groups
}

/// The hour of 24, by the words that some languages halve the day with.
fn half_of_day(text: &str, hours: u32) -> Option<u32> {
    const LATE: [&str; 9] = [
        "pm",
        "μμ",
        "下午",
        "午後",
        "오후",
        "晚上",
        "中午",
        "م",
        "بعدازظهر",
    ];
    const EARLY: [&str; 9] = [
        "am",
        "πμ",
        "上午",
        "午前",
        "오전",
        "凌晨",
        "早上",
        "ص",
        "قبلازظهر",
    ];
    let words: String = text
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '.' | '\u{200c}' | '\u{200e}' | '\u{200f}'))
        .collect();
    let has = |all: &[&str]| all.iter().any(|word| words.contains(word));
    match (has(&LATE), has(&EARLY)) {
        (true, false) if hours <= 12 => Some(hours % 12 + 12),
        (false, true) if hours <= 12 => Some(hours % 12),
        (false, false) if hours < 24 => Some(hours),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(texts: &[&str]) -> Vec<Option<i64>> {
        let mut clock = WallClock::default();
        let read: Vec<Option<f64>> = texts.iter().map(|text| clock.read(text)).collect();
        #[expect(clippy::cast_possible_truncation, reason = "some days")]
        let since = |at: &Option<f64>| Some((at.as_ref()? - read[0]?).round() as i64);
        read.iter().map(since).collect()
    }

    #[test]
    fn differences_are_had_in_whatever_language() {
        for texts in [
            ["11/29/2026, 11:59:42 AM", "11/29/2026, 12:00:12 PM"],
            [
                "11/29/2026, 11:59:42\u{202f}PM",
                "11/30/2026, 12:00:12\u{202f}AM",
            ],
            ["31.12.2026, 23:59:42", "1.1.2027, 00:00:12"],
            ["29.11.2026 klo 2.06.12", "29.11.2026 klo 2.06.42"],
            ["29.11.2026 02.06.12", "29.11.2026 02.06.42"],
            ["2026/11/29 下午2:06:12", "2026/11/29 下午2:06:42"],
            ["2026. 11. 29. 오전 11:59:42", "2026. 11. 29. 오후 12:00:12"],
            ["29/11/2026, 2:06:12 p. m.", "29/11/2026, 2:06:42 p. m."],
            ["٢٩‏/١١‏/٢٠٢٦، ٢:٠٦:١٢ ص", "٢٩‏/١١‏/٢٠٢٦، ٢:٠٦:٤٢ ص"],
            ["2026-11-29 02:06:12", "2026-11-29 02:06:42"],
            ["12:34:26.789 PM", "12:34:56.789 PM"],
            ["11:59:50.5 PM", "12:00:20.500 AM"],
        ] {
            assert_eq!(spans(&texts), [Some(0), Some(30_000)], "{texts:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_no_time() {
        for text in [
            "",
            "yesterday",
            "30",
            "25:00:00",
            "13:00:00 PM",
            "1:2:3:4:5:6:7:8:9",
        ] {
            assert_eq!(WallClock::default().read(text), None, "{text}");
        }
        // Back in time, or over some days: nothing is reckoned with from there on.
        let back = [
            "29.11.2026, 10:00:00",
            "29.11.2026, 09:00:00",
            "29.11.2026, 11:00:00",
        ];
        assert_eq!(spans(&back), [Some(0), None, None]);
        let days = ["29.11.2026, 10:00:00", "4.12.2026, 11:00:00"];
        assert_eq!(spans(&days), [Some(0), None]);
    }
}
