//! Aligned columns.

use super::Paint;

/// How a text is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    Normal,
    Strong,
    Faint,
    Good,
    Doubtful,
    Bad,
}

/// A text and how it is meant.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    pub(crate) fn painted(&self, paint: Paint) -> String {
        paint.apply(&self.text, self.tone)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Normal)
    }
}

/// Rows whose columns are as wide as their widest cells. The last cell of a row widens nothing.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(usize, Vec<Cell>)>,
}

impl Table {
    /// Adds a row, so many characters from the left. Rows are aligned with those of the same indent.
    pub(crate) fn row(&mut self, indent: usize, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push((indent, cells.into_iter().collect()));
    }

    pub(crate) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        for (indent, cells) in &self.rows {
            text.push_str(&" ".repeat(*indent));
            let last = cells.len().saturating_sub(1);
            for (column, cell) in cells.iter().enumerate() {
                text.push_str(&cell.painted(paint));
                if column < last {
                    let gap = self.width(*indent, column).saturating_sub(cell.text.chars().count());
                    text.push_str(&" ".repeat(gap.saturating_add(2)));
                }
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }

    fn width(&self, indent: usize, column: usize) -> usize {
        let rows =
            self.rows.iter().filter(|(own, cells)| *own == indent && column.saturating_add(1) < cells.len());
        let widths = rows.filter_map(|(_, cells)| cells.get(column)).map(|cell| cell.text.chars().count());
        widths.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::default();
        table.row(0, ["name", "value", "rest"].map(Cell::from));
        table.row(0, ["a longer name", "v", "a long rest that widens nothing"].map(Cell::from));
        table.row(2, ["x", "y"].map(Cell::from));
        table.row(0, ["a sentence that has a line of its own"].map(Cell::from));
        let expected = "\
name           value  rest
a longer name  v      a long rest that widens nothing
  x  y
a sentence that has a line of its own
";
        assert_eq!(table.text(Paint::Plain), expected);
    }

    #[test]
    fn colours_do_not_disturb_the_alignment() {
        let mut table = Table::default();
        table.row(0, [Cell::new("ab", Tone::Good), "c".into()]);
        table.row(0, ["abcd".into(), "c".into()]);
        assert_eq!(table.text(Paint::Colours), "\u{1b}[32mab\u{1b}[0m    c\nabcd  c\n");
    }
}
