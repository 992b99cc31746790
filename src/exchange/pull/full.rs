//! The full comparison: repairs what a delta can't tell, above all what is gone.

use std::collections::BTreeSet;

use super::PullError;
use super::pulled;
use super::run::{BATCH_RECORDS, Changes, Run};
use crate::exchange::store::pulls::Full;

/// Records whose listing may differ between two ways of asking, because some are made meanwhile: so many, and one percent.
const MADE_MEANWHILE: usize = 20;

impl Run<'_> {
    /// Reads all records, delivers those that are others than before, and takes back those that are gone: only when both
    /// listings agree, and only when there are about as many records as the last time.
    pub(super) async fn compare(&mut self, mut changes: Changes) -> Result<(), PullError> {
        let currency = self.connection.currency.code();
        if let Some(other) = self.system.about().await?.currency.filter(|other| other != currency) {
            let why =
                format!("the company keeps its prices in {other}, the connection's file says {currency}");
            return Err(PullError::Refused(why));
        }
        let mut read: BTreeSet<String> = BTreeSet::new();
        let mut from: Option<String> = None;
        let mut pages = Vec::new();
        loop {
            let page = self.system.all(self.stream, from.as_deref()).await?;
            read.extend(page.items.iter().map(|record| record.id.clone()));
            pages.extend(page.items);
            from = page.next;
            if pages.len() >= BATCH_RECORDS || from.is_none() {
                self.check_count(&read, from.is_none())?;
                for part in pages.chunks(BATCH_RECORDS) {
                    self.deliver(part, &[], 0, None).await?;
                }
                pages.clear();
            }
            if from.is_none() {
                break;
            }
        }
        let listed: BTreeSet<String> = self.system.ids(self.stream).await?.into_iter().collect();
        let unread = listed.difference(&read).count();
        let unlisted = read.difference(&listed).count();
        if unread.max(unlisted) > MADE_MEANWHILE + listed.len() / 100 {
            return Err(PullError::Refused(format!(
                "the listing did not arrive complete: {} records were read and {} are listed",
                read.len(),
                listed.len()
            )));
        }
        let known = pulled::records(&self.app.db, self.place()).await?;
        let is_gone = |id: &String| !read.contains(id) && !listed.contains(id);
        let gone: Vec<String> = known.into_iter().map(|(record,)| record).filter(is_gone).collect();
        // What changed while it was read is asked for by the next delta: the mark is from before.
        changes.ids.clear();
        let full = Full { at: self.now, records: i64::try_from(read.len()).unwrap_or(i64::MAX) };
        self.deliver_last(&gone, &changes, full).await
    }

    /// Far more or fewer records than the last time are a mistake of the system or of the file.
    fn check_count(&self, read: &BTreeSet<String>, is_all: bool) -> Result<(), PullError> {
        let Some(before) = self.state.full_records.and_then(|before| usize::try_from(before).ok()) else {
            return Ok(());
        };
        let percent = self.stream.pull.jump_percent;
        let is_fewer =
            is_all && (read.len() + MADE_MEANWHILE) * 100 < before * 100_usize.saturating_sub(percent);
        let is_more = read.len() * 100 > (before + MADE_MEANWHILE) * (100 + percent);
        let is_nothing = is_all && read.is_empty() && before > 0;
        if is_fewer || is_more || is_nothing {
            let now = read.len();
            return Err(PullError::Refused(format!("{now} records where {before} were the last time")));
        }
        Ok(())
    }
}
