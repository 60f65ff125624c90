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
    rows: Vec<Row>,
    part: usize,
}

#[derive(Debug)]
struct Row {
    part: usize,
    indent: usize,
    cells: Vec<Cell>,
}

impl Table {
    /// Adds a row, so many characters from the left. Rows are aligned with those of the same indent in the same part.
    pub(crate) fn row(&mut self, indent: usize, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row { part: self.part, indent, cells: cells.into_iter().collect() });
    }

    /// Begins a part, with columns of its own.
    pub(crate) fn begin_part(&mut self) {
        self.part = self.part.saturating_add(1);
    }

    pub(crate) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        for row in &self.rows {
            text.push_str(&" ".repeat(row.indent));
            let last = row.cells.len().saturating_sub(1);
            for (column, cell) in row.cells.iter().enumerate() {
                text.push_str(&cell.painted(paint));
                if column < last {
                    let gap = self.width(row, column).saturating_sub(cell.text.chars().count());
                    text.push_str(&" ".repeat(gap.saturating_add(2)));
                }
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }

    /// The width of a column in the rows that are aligned with `row`.
    fn width(&self, row: &Row, column: usize) -> usize {
        let aligned = self.rows.iter().filter(|other| (other.part, other.indent) == (row.part, row.indent));
        let inner = aligned.filter(|row| column.saturating_add(1) < row.cells.len());
        let widths = inner.filter_map(|row| row.cells.get(column)).map(|cell| cell.text.chars().count());
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
        table.begin_part();
        table.row(0, ["x", "y"].map(Cell::from));
        table.row(0, ["a sentence that has a line of its own"].map(Cell::from));
        let expected = "\
name           value  rest
a longer name  v      a long rest that widens nothing
  x  y
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
