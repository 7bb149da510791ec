//! What was measured: tables, and the marks.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Everything that was measured, printed as it comes.
#[derive(Default)]
pub struct Report {
    tables: Vec<Table>,
    marks: Vec<Mark>,
}

struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<f64>)>,
}

struct Mark {
    name: String,
    ratio: f64,
    mark: f64,
}

impl Mark {
    fn ok(&self) -> bool {
        self.ratio <= self.mark
    }
}

impl Report {
    /// Begins a table.
    pub fn table(&mut self, title: &str, columns: &[&str]) {
        let names: BTreeSet<&str> = columns.iter().copied().collect();
        assert_eq!(names.len(), columns.len(), "columns are found by their names: {columns:?}");
        println!("\n{title}");
        print!("{:<32}", "");
        columns.iter().for_each(|column| print!("{column:>20}"));
        println!();
        let columns = columns.iter().map(|&column| column.into()).collect();
        self.tables.push(Table { title: title.into(), columns, rows: Vec::new() });
    }

    /// Adds a row to the latest table.
    pub fn row(&mut self, name: &str, numbers: &[f64]) {
        print!("{name:<32}");
        for number in numbers {
            let digits = if *number >= 1000.0 { 0 } else { 3 };
            print!("{number:>20.digits$}");
        }
        println!();
        if let Some(table) = self.tables.last_mut() {
            table.rows.push((name.into(), numbers.to_vec()));
        }
    }

    /// A ratio that is to be at most `mark`.
    pub fn mark(&mut self, name: &str, ratio: f64, mark: f64) {
        self.marks.push(Mark { name: name.into(), ratio, mark });
    }

    pub fn print_marks(&self) {
        println!("\n{:<64}{:>10}{:>10}", "mark", "is", "at most");
        for mark in &self.marks {
            let Mark { name, ratio, mark: limit } = mark;
            println!(
                "{name:<64}{ratio:>10.3}{limit:>10.2}  {}",
                if mark.ok() { "ok" } else { "MISSED" }
            );
        }
    }

    /// Everything, and `of` what it is.
    pub fn json(&self, of: &Value) -> String {
        let marks = self.marks.iter().map(|mark| {
            let Mark { name, ratio, mark: limit } = mark;
            json!({ "name": name, "ratio": rounded(*ratio), "mark": limit, "ok": mark.ok() })
        });
        let marks: Vec<Value> = marks.collect();
        let tables: Vec<Value> = self.tables.iter().map(Table::json).collect();
        let all = json!({ "of": of, "marks": marks, "tables": tables });
        format!("{all:#}\n")
    }
}

impl Table {
    fn json(&self) -> Value {
        let row = |(name, numbers): &(String, Vec<f64>)| {
            let cells = self.columns.iter().cloned().zip(numbers.iter().map(|n| rounded(*n)));
            let row: Map<String, Value> = cells.collect();
            (name.clone(), Value::Object(row))
        };
        let rows: Map<String, Value> = self.rows.iter().map(row).collect();
        json!({ "title": self.title, "rows": rows })
    }
}

/// Four digits that mean something.
fn rounded(number: f64) -> Value {
    let text = format!("{number:.3e}");
    text.parse::<f64>()
        .ok()
        .and_then(serde_json::Number::from_f64)
        .map_or(Value::Null, Value::Number)
}
