//! Who has acknowledged how much of whom.
//!
//! Each author's messages form a chain, so what reader *r* has acknowledged of author *a* is one
//! number: how many of *a*'s messages *r*'s latest message descends from. The smallest such number
//! over all awaited readers is *a*'s watermark: messages below it are fully acked.
//!
//! ```text
//!                 of alice   of bob   of carol
//!  by alice           –         2         1
//!  by bob             4         –         1
//!  by carol           3         2         –
//!                 ───────────────────────────
//!  watermark          3         2         1       (column minimum, own row left out)
//! ```

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// The table of acknowledgements of one transcript.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AckTable {
    /// A row for each reader, one behind the other, of a number for each author. One list: where the
    /// minimum of a column is looked for, it lies at even distances, which processors foresee.
    cells: Vec<u32>,
    columns: Vec<Column>,
    /// Whose acknowledgements full-ack waits for.
    awaited: Vec<bool>,
    /// Authors whose watermark is to be looked for. Empty between calls.
    unsettled: Vec<usize>,
}

/// One author's watermark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Column {
    /// How many of the author's messages are fully acked.
    watermark: u32,
    /// How many awaited readers stand exactly at the watermark. The column's minimum is looked for
    /// again only when this reaches zero, and then the watermark rises: so the search, O(n), is
    /// paid for by the messages that it acks.
    at_watermark: usize,
}

impl AckTable {
    pub(crate) fn new(members: usize) -> Self {
        let column = Column { watermark: 0, at_watermark: members.saturating_sub(1) };
        Self {
            cells: vec![0; members.saturating_mul(members)],
            columns: vec![column; members],
            awaited: vec![true; members],
            unsettled: Vec::new(),
        }
    }

    /// How many messages of `author` the latest message of `reader` descends from, or is: for the
    /// author, all.
    pub(crate) fn acked(&self, reader: usize, author: usize) -> u32 {
        let row = self.cells.get(self.place(reader));
        row.and_then(|row| row.get(author)).copied().unwrap_or(0)
    }

    /// Where a reader's row is.
    fn place(&self, reader: usize) -> Range<usize> {
        let start = reader.saturating_mul(self.columns.len());
        start..start.saturating_add(self.columns.len())
    }

    /// What each reader has acknowledged of an author, who must be one: past the last of them, it would
    /// be of others.
    fn column(&self, author: usize) -> impl Iterator<Item = u32> {
        self.cells.iter().skip(author).step_by(self.columns.len().max(1)).copied()
    }

    /// Whether the acknowledgements of all are waited for.
    pub(crate) fn awaits_all(&self) -> bool {
        self.awaited.iter().all(|awaited| *awaited)
    }

    /// How many messages of `author` are fully acked.
    pub(crate) fn watermark(&self, author: usize) -> u32 {
        self.columns.get(author).map_or(0, |column| column.watermark)
    }

    pub(crate) fn is_awaited(&self, reader: usize) -> bool {
        self.awaited.get(reader).copied().unwrap_or(false)
    }

    /// Takes in a new message of `reader`, whose `context` counts the messages of each author up to
    /// and including itself. Contexts of one author never shrink, as their messages form a chain.
    /// Tells which messages, by author and position, became fully acked.
    pub(crate) fn record(
        &mut self,
        reader: usize,
        context: &[u32],
        mut advanced: impl FnMut(usize, Range<u32>),
    ) {
        let awaited = self.is_awaited(reader);
        let place = self.place(reader);
        let Some(row) = self.cells.get_mut(place) else { return };
        let cells = row.iter_mut().zip(&mut self.columns).zip(context);
        for (author, ((cell, column), &count)) in cells.enumerate() {
            let before = core::mem::replace(cell, count);
            if awaited && before == column.watermark && count > before && author != reader {
                column.at_watermark = column.at_watermark.saturating_sub(1);
                if column.at_watermark == 0 {
                    self.unsettled.push(author);
                }
            }
        }
        // Nobody is awaited: every message is fully acked as it comes.
        if !self.awaits_any(reader) {
            self.raise(reader, self.acked(reader, reader), &mut advanced);
        }
        while let Some(author) = self.unsettled.pop() {
            self.settle(author, &mut advanced);
        }
    }

    /// Stops waiting for `reader`. Tells which messages became fully acked by that.
    pub(crate) fn waive(&mut self, reader: usize, mut advanced: impl FnMut(usize, Range<u32>)) {
        if let Some(awaited @ true) = self.awaited.get_mut(reader) {
            *awaited = false;
            (0..self.columns.len()).for_each(|author| self.settle(author, &mut advanced));
        }
    }

    /// How many messages of `author` *all* readers have acked, waived or not. The author's own
    /// row counts everything and so never decides.
    pub(crate) fn acked_by_all(&self, author: usize) -> u32 {
        self.column(author).min().unwrap_or(0)
    }

    /// Looks for the column's minimum again.
    fn settle(&mut self, author: usize, advanced: &mut impl FnMut(usize, Range<u32>)) {
        let (mut lowest, mut at_lowest) = (u32::MAX, 0_usize);
        for (reader, (acked, &awaited)) in self.column(author).zip(&self.awaited).enumerate() {
            if reader == author || !awaited {
                continue;
            }
            if acked < lowest {
                (lowest, at_lowest) = (acked, 1);
            } else if acked == lowest {
                at_lowest = at_lowest.saturating_add(1);
            }
        }
        if at_lowest == 0 {
            lowest = self.acked(author, author);
        }
        if let Some(column) = self.columns.get_mut(author) {
            column.at_watermark = at_lowest;
        }
        self.raise(author, lowest, advanced);
    }

    fn raise(&mut self, author: usize, to: u32, advanced: &mut impl FnMut(usize, Range<u32>)) {
        let Some(column) = self.columns.get_mut(author) else { return };
        let from = column.watermark;
        column.watermark = from.max(to);
        if from < to {
            advanced(author, from..to);
        }
    }

    /// Whether anybody's acknowledgements of this author's messages are waited for.
    fn awaits_any(&self, author: usize) -> bool {
        self.awaited.iter().enumerate().any(|(reader, &awaited)| awaited && reader != author)
    }
}

#[cfg(test)]
mod tests {
    use super::AckTable;

    /// The counters that save the search are exact, or it would be made too often, or too late.
    #[track_caller]
    fn check(table: &AckTable) {
        for (author, column) in table.columns.iter().enumerate() {
            let readers = (0..table.columns.len()).filter(|&r| r != author && table.is_awaited(r));
            let acked = readers.map(|reader| table.acked(reader, author));
            assert_eq!(Some(column.watermark), acked.clone().min());
            let lowest = acked.filter(|&acked| acked == column.watermark);
            assert_eq!(column.at_watermark, lowest.count());
        }
    }

    #[test]
    fn the_counters_are_exact() {
        let mut table = AckTable::new(4);
        check(&table);
        let messages = [
            (0, [1, 0, 0, 0]),
            (1, [1, 1, 0, 0]),
            (2, [1, 0, 1, 0]),
            (1, [1, 2, 1, 0]),
            (0, [2, 2, 1, 0]),
            (3, [2, 2, 1, 1]),
            (2, [2, 2, 2, 1]),
            (0, [3, 2, 2, 1]),
            (1, [3, 3, 2, 1]),
        ];
        for (reader, context) in messages {
            table.record(reader, &context, |_, _| {});
            check(&table);
        }
        table.waive(3, |_, _| {});
        check(&table);
        table.record(2, &[3, 3, 3, 1], |_, _| {});
        check(&table);
        table.record(3, &[3, 3, 3, 2], |_, _| {});
        check(&table);
    }
}
