//! Rows of cells as text: aligned for a terminal, or as Markdown.

/// A table: its first row is the head.
pub(crate) struct Table {
    /// How many columns, from the first on, are left-aligned; numbers are right-aligned.
    words: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table whose first `words` columns hold words, with its head.
    pub(crate) fn new<const N: usize>(words: usize, head: [&str; N]) -> Self {
        Self { words, rows: vec![head.map(String::from).to_vec()] }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Aligned with spaces.
    pub(crate) fn plain(&self) -> String {
        let lines = self.padded().into_iter().map(|cells| cells.join("  ").trim_end().to_string());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// As Markdown, also aligned.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let mut lines: Vec<String> = self.padded().into_iter().map(line).collect();
        let rule = self.widths().into_iter().enumerate().map(|(column, width)| {
            if column < self.words { "-".repeat(width) } else { format!("{}:", "-".repeat(width - 1)) }
        });
        lines.insert(1, line(rule.collect()));
        lines.join("\n")
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        (0..self.rows[0].len()).map(|column| width(column).unwrap_or(0)).collect()
    }

    fn padded(&self) -> Vec<Vec<String>> {
        let widths = self.widths();
        let pad = |(column, cell): (usize, &String)| match widths[column] {
            width if column < self.words => format!("{cell:<width$}"),
            width => format!("{cell:>width$}"),
        };
        self.rows.iter().map(|row| row.iter().enumerate().map(pad).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new(1, ["op", "µs"]);
        table.row(["conv".into(), "1".into()]);
        table.row(["fc".into(), "12.5".into()]);
        assert_eq!(table.plain(), "op      µs\nconv     1\nfc    12.5");
        assert_eq!(table.markdown(), "| op   |   µs |\n| ---- | ---: |\n| conv |    1 |\n| fc   | 12.5 |");
    }
}
