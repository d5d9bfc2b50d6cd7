//! Numbers as people read them.

/// Seconds: `0.123 s`, `12.34 s`, `12m 34s`, `3h 04m`.
pub fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 1.0 => format!("{s:.3} s"),
        s if s < 120.0 => format!("{s:.2} s"),
        s if s < 7200.0 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// A length of time where tenths do not matter: `7s`, `12m 34s`, `3h 04m`.
pub fn roughly(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..7200 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// A count with separators: `1,750`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted: `1 finding`, `2 findings`. The word's plural is regular.
pub fn counted(n: u64, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {what}{plural}", count(n))
}

/// Bytes: `312 MiB`, `1.2 GiB`.
pub fn bytes(n: u64) -> String {
    const KIB: f64 = 1024.0;
    let n = n as f64;
    match n {
        n if n < KIB => format!("{n} B"),
        n if n < KIB * KIB => format!("{:.0} KiB", n / KIB),
        n if n < KIB * KIB * KIB => format!("{:.0} MiB", n / (KIB * KIB)),
        _ => format!("{:.1} GiB", n / (KIB * KIB * KIB)),
    }
}

/// Four significant digits: `0.1123`, `87.31`, `412.0`.
pub fn significant(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string().to_lowercase();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..7).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    format!("{value:.*}", (3 - magnitude).max(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_its_form() {
        let table: [(String, &str); 20] = [
            (counted(0, "finding"), "0 findings"),
            (counted(1, "finding"), "1 finding"),
            (counted(1_200, "finding"), "1,200 findings"),
            (seconds(0.1234), "0.123 s"),
            (seconds(12.345), "12.35 s"),
            (seconds(754.4), "12m 34s"),
            (seconds(11_050.0), "3h 04m"),
            (roughly(6.7), "7s"),
            (roughly(59.6), "1m 00s"),
            (count(0), "0"),
            (count(999), "999"),
            (count(1_750), "1,750"),
            (count(1_000_000), "1,000,000"),
            (bytes(512), "512 B"),
            (bytes(327_155_712), "312 MiB"),
            (bytes(1_288_490_189), "1.2 GiB"),
            (significant(0.112_34), "0.1123"),
            (significant(1_750.4), "1750"),
            (significant(1.5e-7), "1.500e-7"),
            (significant(f64::NAN), "nan"),
        ];
        for (text, expected) in table {
            assert_eq!(text, expected);
        }
    }
}
