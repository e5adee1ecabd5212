//! A search for runs as one SQL statement.

use super::database::{Outcome, Sql};
use super::language::{Condition, Field, Order, Test, parse_filter, parse_order};
use crate::error::Result;
use crate::limits::invalid;
use crate::store::{Page, RunQuery};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

/// A statement that yields the ids of the runs of one page. Text of the caller only ever becomes
/// a bound value, never a part of the statement.
pub(super) struct Select {
    statement: String,
    values: Vec<Value>,
    page_size: usize,
    offset: usize,
}

impl Select {
    pub(super) fn new(query: &RunQuery, page: Option<&str>) -> Result<Self> {
        let offset = match page {
            None => 0,
            Some(token) => token
                .parse()
                .map_err(|_| invalid("page token", token, "one from an earlier page"))?,
        };
        let mut select = Self {
            statement: "SELECT r.run_uuid FROM runs r WHERE r.lifecycle_stage = 'active' \
                        AND r.experiment_id IN ("
                .to_owned(),
            values: Vec::new(),
            page_size: query.page_size as usize,
            offset,
        };
        select.bind_list(&query.experiment_ids);
        select.push(")");
        for condition in parse_filter(&query.filter)? {
            select.condition(condition);
        }
        select.push(" ORDER BY ");
        for clause in &query.order_by {
            let order = parse_order(clause)?;
            select.order(order);
        }
        // One more than requested shows whether there is a next page.
        select.push("r.start_time DESC, r.run_uuid LIMIT ");
        select.bind(select.page_size as i64 + 1);
        select.push(" OFFSET ");
        select.bind(offset as i64);
        Ok(select)
    }

    /// The ids of the runs.
    pub(super) fn run(&self, sql: &Sql<'_>) -> Outcome<Page<String>> {
        let values = params_from_iter(&self.values);
        let mut items = sql.all(&self.statement, values, |row| row.get(0))?;
        let more = items.len() > self.page_size;
        items.truncate(self.page_size);
        Ok(Page { items, next: more.then(|| (self.offset + self.page_size).to_string()) })
    }

    fn push(&mut self, text: &str) {
        self.statement.push_str(text);
    }

    fn bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
        self.push("?");
    }

    fn bind_list(&mut self, values: &[String]) {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.bind(value.clone());
        }
    }

    fn condition(&mut self, Condition { field, test }: Condition) {
        self.push(" AND ");
        let (table, key) = match storage(field) {
            Storage::Column(column) => return self.test(column, test),
            Storage::Table(table, key) => (table, key),
        };
        if test == Test::Absent {
            self.push("NOT ");
        }
        self.push(&format!(
            "EXISTS (SELECT 1 FROM {table} t WHERE t.run_uuid = r.run_uuid AND t.key = "
        ));
        self.bind(key);
        if !matches!(test, Test::Absent | Test::Present) {
            // A NaN is stored as 0 but is not equal to it, nor above or below anything.
            if table == METRICS {
                self.push(" AND NOT t.is_nan");
            }
            self.push(" AND ");
            self.test("t.value", test);
        }
        self.push(")");
    }

    fn test(&mut self, column: &str, test: Test) {
        match test {
            Test::Number(comparator, number) => {
                self.push(&format!("{column} {comparator} "));
                self.bind(number);
            }
            Test::Text("ILIKE", pattern) => {
                self.push(&format!("lower({column}) LIKE lower("));
                self.bind(pattern);
                self.push(")");
            }
            Test::Text(comparator, wanted) => {
                self.push(&format!("{column} {comparator} "));
                self.bind(wanted);
            }
            Test::OneOf { negated, values } => {
                let not = if negated { " NOT" } else { "" };
                self.push(&format!("{column}{not} IN ("));
                self.bind_list(&values);
                self.push(")");
            }
            Test::Absent => self.push(&format!("{column} IS NULL")),
            Test::Present => self.push(&format!("{column} IS NOT NULL")),
        }
    }

    /// Runs without the value come last in either direction, and NaN just before them.
    fn order(&mut self, order: Order) {
        let direction = if order.ascending { " ASC, " } else { " DESC, " };
        match storage(order.field) {
            Storage::Column(column) => {
                self.push(&format!("{column} IS NULL, {column}{direction}"));
            }
            Storage::Table(table, key) => {
                let rank = if table == METRICS { "t.is_nan" } else { "0" };
                let source = format!("FROM {table} t WHERE t.run_uuid = r.run_uuid AND t.key = ");
                self.push(&format!("coalesce((SELECT {rank} {source}"));
                self.bind(key.clone());
                self.push(&format!("), 2), (SELECT t.value {source}"));
                self.bind(key);
                self.push(&format!("){direction}"));
            }
        }
    }
}

const METRICS: &str = "latest_metrics";

/// Where the database keeps a field.
enum Storage {
    /// In a column of the runs.
    Column(&'static str),
    /// In the rows of a table that have this key.
    Table(&'static str, String),
}

fn storage(field: Field) -> Storage {
    match field {
        Field::Metric(key) => Storage::Table(METRICS, key),
        Field::Param(key) => Storage::Table("params", key),
        Field::Tag(key) => Storage::Table("tags", key),
        Field::Attribute(attribute) => Storage::Column(match attribute {
            "run_id" => "r.run_uuid",
            "run_name" => "r.name",
            "user_id" => "r.user_id",
            "status" => "r.status",
            "artifact_uri" => "r.artifact_uri",
            "start_time" => "r.start_time",
            _ => "r.end_time",
        }),
    }
}
