//! A search for runs as one SQL statement.

use super::database::Outcome;
use super::language::{
    Attribute, Comparator, Condition, Field, Order, Test, parse_filter, parse_order,
};
use crate::error::Result;
use crate::limits::invalid;
use crate::search::{Page, RunQuery};
use rusqlite::types::Value;
use rusqlite::{Transaction, params_from_iter};

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
                .map_err(|_| invalid("page token", token, "one from an earlier page".to_owned()))?,
        };
        let mut select = Self {
            statement: "SELECT r.run_uuid FROM runs r WHERE r.lifecycle_stage = ".to_owned(),
            values: Vec::new(),
            page_size: query.page_size as usize,
            offset,
        };
        select.bind(if query.deleted { "deleted" } else { "active" }.to_owned());
        select.push(" AND r.experiment_id IN (");
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
        // One more than asked for tells whether there is a next page.
        select.push("r.start_time DESC, r.run_uuid LIMIT ");
        select.bind(select.page_size as i64 + 1);
        select.push(" OFFSET ");
        select.bind(offset as i64);
        Ok(select)
    }

    /// The ids of the runs.
    pub(super) fn run(&self, transaction: &Transaction<'_>) -> Outcome<Page<String>> {
        let mut statement = transaction.prepare_cached(&self.statement)?;
        let ids = statement.query_map(params_from_iter(&self.values), |row| row.get(0))?;
        let mut items = ids.collect::<rusqlite::Result<Vec<String>>>()?;
        let more = items.len() > self.page_size;
        items.truncate(self.page_size);
        Ok(Page {
            items,
            next: more.then(|| (self.offset + self.page_size).to_string()),
        })
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

    fn condition(&mut self, condition: Condition) {
        self.push(" AND ");
        match condition.field {
            Field::Attribute(attribute) => self.test(column(attribute), condition.test),
            Field::Metric(key) => self.exists("latest_metrics", key, condition.test),
            Field::Param(key) => self.exists("params", key, condition.test),
            Field::Tag(key) => self.exists("tags", key, condition.test),
        }
    }

    fn exists(&mut self, table: &str, key: String, test: Test) {
        if test == Test::Absent {
            self.push("NOT ");
        }
        self.push(&format!(
            "EXISTS (SELECT 1 FROM {table} t WHERE t.run_uuid = r.run_uuid AND t.key = "
        ));
        self.bind(key);
        if !matches!(test, Test::Absent | Test::Present) {
            // A NaN is stored as 0 but is not equal to it, nor above or below anything.
            if table == "latest_metrics" {
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
                self.push(&format!("{column}{}", sign(comparator)));
                self.bind(number);
            }
            Test::Text(Comparator::ILike, pattern) => {
                self.push(&format!("lower({column}) LIKE lower("));
                self.bind(pattern);
                self.push(")");
            }
            Test::Text(comparator, wanted) => {
                self.push(&format!("{column}{}", sign(comparator)));
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
        let (table, key) = match order.field {
            Field::Attribute(attribute) => {
                let column = column(attribute);
                self.push(&format!("{column} IS NULL, {column}{direction}"));
                return;
            }
            Field::Metric(key) => ("latest_metrics", key),
            Field::Param(key) => ("params", key),
            Field::Tag(key) => ("tags", key),
        };
        let rank = if table == "latest_metrics" {
            "t.is_nan"
        } else {
            "0"
        };
        let source = format!("FROM {table} t WHERE t.run_uuid = r.run_uuid AND t.key = ");
        self.push(&format!("coalesce((SELECT {rank} {source}"));
        self.bind(key.clone());
        self.push(&format!("), 2), (SELECT t.value {source}"));
        self.bind(key);
        self.push(")");
        self.push(direction);
    }
}

fn column(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::RunId => "r.run_uuid",
        Attribute::RunName => "r.name",
        Attribute::UserId => "r.user_id",
        Attribute::Status => "r.status",
        Attribute::ArtifactUri => "r.artifact_uri",
        Attribute::StartTime => "r.start_time",
        Attribute::EndTime => "r.end_time",
    }
}

fn sign(comparator: Comparator) -> &'static str {
    match comparator {
        Comparator::Equal => " = ",
        Comparator::NotEqual => " != ",
        Comparator::Less => " < ",
        Comparator::LessOrEqual => " <= ",
        Comparator::Greater => " > ",
        Comparator::GreaterOrEqual => " >= ",
        Comparator::Like | Comparator::ILike => " LIKE ",
    }
}
