//! Whether counts are worse than others.

use super::Counts;

/// How many more instructions of a thousand are too many.
const TOO_MANY: u64 = 50;
/// What must not cost more as groups get older: the later, the first, and how many of a thousand.
const AGEING: (&str, &str, u64) =
    ("refresh of 3 members, the 1,000th", "refresh of 3 members, the 1st", 20);

/// What came of a comparison.
pub(super) struct Verdict {
    /// What to print.
    pub(super) lines: Vec<String>,
    /// What has become worse.
    pub(super) worse: Vec<String>,
}

/// Compares counts with those that were accepted. What was accepted must still be there; what is
/// new is accepted with the next counts.
pub(super) fn compare(accepted: &Counts, now: &Counts) -> Verdict {
    let mut verdict = Verdict { lines: Vec::new(), worse: Vec::new() };
    for (name, before) in accepted {
        let line = match now.get(name) {
            Some(count) => {
                if more(*before, *count, TOO_MANY) {
                    verdict.worse.push(name.clone());
                }
                format!("{count:>12} {:>8}  {name}", percent(*before, *count))
            }
            None => {
                verdict.worse.push(name.clone());
                format!("{:>12} {:>8}  {name}", "", "missing")
            }
        };
        verdict.lines.push(line);
    }
    for (name, count) in now.iter().filter(|(name, _)| !accepted.contains_key(*name)) {
        verdict.lines.push(format!("{count:>12} {:>8}  {name}", "new"));
    }
    let (late, first, too_many) = AGEING;
    if let (Some(late_count), Some(first_count)) = (now.get(late), now.get(first))
        && more(*first_count, *late_count, too_many)
        && !verdict.worse.iter().any(|name| name == late)
    {
        verdict.worse.push(late.to_owned());
    }
    verdict
}

/// Whether it is so many of a thousand more.
fn more(before: u64, now: u64, of_a_thousand: u64) -> bool {
    u128::from(now) * 1000 > u128::from(before) * (1000 + u128::from(of_a_thousand))
}

fn percent(before: u64, now: u64) -> String {
    let thousandths = (i128::from(now) - i128::from(before)) * 1000 / i128::from(before.max(1));
    let sign = if thousandths < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", thousandths.abs() / 10, thousandths.abs() % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, u64)]) -> Counts {
        list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn worse(accepted: &[(&str, u64)], now: &[(&str, u64)]) -> Vec<String> {
        compare(&counts(accepted), &counts(now)).worse
    }

    #[test]
    fn more_than_five_of_a_hundred_is_worse_and_is_named() {
        let accepted = [("decode", 1000), ("send", 1000)];
        assert!(worse(&accepted, &[("decode", 1050), ("send", 10)]).is_empty());
        assert_eq!(worse(&accepted, &[("decode", 1051), ("send", 1000)]), ["decode"]);
        assert_eq!(worse(&accepted, &[("decode", 1051), ("send", 2000)]), ["decode", "send"]);
    }

    #[test]
    fn what_is_no_longer_counted_is_worse_and_what_is_new_is_not() {
        assert_eq!(worse(&[("decode", 1000)], &[("send", 1)]), ["decode"]);
        assert!(worse(&[], &[("send", 1)]).is_empty());
    }

    #[test]
    fn a_refresh_must_not_age() {
        let (late, first, _) = AGEING;
        let accepted = [(first, 1000), (late, 1000)];
        assert!(worse(&accepted, &[(first, 1000), (late, 1020)]).is_empty());
        assert_eq!(worse(&accepted, &[(first, 1000), (late, 1021)]), [late]);
        assert_eq!(worse(&accepted, &[(first, 1000), (late, 1100)]), [late], "named once");
    }

    #[test]
    fn changes_are_shown_with_their_sign() {
        assert_eq!(percent(1000, 1051), "+5.1 %");
        assert_eq!(percent(1000, 996), "-0.4 %");
        assert_eq!(percent(0, 3), "+300.0 %");
    }
}
