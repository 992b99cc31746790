//! The report as a table.

use std::fmt::Write;

use super::feeds::Feed;
use super::report::Quality;

/// The report as a table for people.
pub fn table(quality: &Quality) -> String {
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = writeln!(
        text,
        "quality {} since {}: {} rows received, {} kept aside, {} open, {} scans of unknown codes\n",
        quality.letter,
        quality.since,
        quality.received,
        quality.quarantined,
        quality.open,
        quality.scans_missed
    );
    for source in &quality.full {
        let _ =
            writeln!(text, "{source} has too many rows on the work list: more of them are counted only\n");
    }
    let _ = writeln!(
        text,
        "{:20} {:10} {:>9} {:>11} {:>9}  first seen",
        "rule", "level", "count", "per million", "scans"
    );
    for rule in &quality.rules {
        let _ = writeln!(
            text,
            "{:20} {:10} {:>9} {:>11} {:>9}  {}",
            rule.rule.as_str(),
            rule.level.as_str(),
            rule.count,
            rule.per_million,
            rule.scans_missed,
            rule.first_seen
        );
        for shown in &rule.samples {
            let _ =
                writeln!(text, "    line {}: {} {} {:?}", shown.line, shown.key, shown.field, shown.value);
        }
    }
    for feed in quality.feeds.iter().filter(|feed| feed.is_late) {
        let Feed { source, feed, every_minutes, due_at, .. } = feed;
        let _ = writeln!(
            text,
            "\nb.late: feed {feed:?} of {source} was due {due_at}, every {every_minutes} minutes"
        );
    }
    let _ = writeln!(text, "\n{:45} {:>9} {:>10}  letter", "source", "received", "kept aside");
    for source in &quality.sources {
        let (name, letter) = (&source.source, source.letter);
        let _ = writeln!(text, "{name:45} {:>9} {:>10}  {letter}", source.received, source.quarantined);
    }
    text
}
