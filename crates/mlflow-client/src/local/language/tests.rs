use super::*;
use crate::Error;
use proptest::prelude::*;

fn one(text: &str) -> Condition {
    let mut conditions = parse_filter(text).unwrap();
    assert_eq!(conditions.len(), 1, "{text}");
    conditions.remove(0)
}

#[test]
fn conditions_of_every_kind() {
    let metric = one("metrics.val_acc > 0.55");
    assert_eq!(metric.field, Field::Metric("val_acc".into()));
    assert_eq!(metric.test, Test::Number(Comparator::Greater, 0.55));
    let param = one("params.lr = '0.001'");
    assert_eq!(param.test, Test::Text(Comparator::Equal, "0.001".into()));
    assert_eq!(
        one("tag.a ILIKE \"%x'%\"").test,
        Test::Text(Comparator::ILike, "%x'%".into())
    );
    assert_eq!(
        one("tags.mlflow.source.name != 'a'").field,
        Field::Tag("mlflow.source.name".into())
    );
    assert_eq!(
        one("metrics.`odd key (1)` <= -1e-3").field,
        Field::Metric("odd key (1)".into())
    );
    assert_eq!(
        one("params.\"a b\" like 'x%'").field,
        Field::Param("a b".into())
    );
    assert_eq!(
        one("metrics.train/loss>=.5").test,
        Test::Number(Comparator::GreaterOrEqual, 0.5)
    );
    assert_eq!(
        one("status = 'FINISHED'").field,
        Field::Attribute(Attribute::Status)
    );
    assert_eq!(
        one("`Run name` = 'a'").field,
        Field::Attribute(Attribute::RunName)
    );
    assert_eq!(
        one("attr.start_time < 17").test,
        Test::Number(Comparator::Less, 17.0)
    );
    assert_eq!(one("tags.a IS NOT NULL").test, Test::Present);
    assert_eq!(one("params.a is null").test, Test::Absent);
    let list = one("run_id NOT IN ('a', 'b')").test;
    assert_eq!(
        list,
        Test::OneOf {
            negated: true,
            values: vec!["a".into(), "b".into()]
        }
    );
    assert_eq!(parse_filter("  ").unwrap(), []);
    assert_eq!(
        parse_filter("metrics.a > 1 AND metrics.b < 2 and status = 'x'")
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn errors_name_the_place() {
    let cases = [
        ("metrics.a", 10),
        ("metrics.a > 'x'", 13),
        ("metrics.a > inf", 13),
        ("params.a = 1", 12),
        ("params.a > '1'", 10),
        ("bogus.a = '1'", 1),
        ("bogus = '1'", 1),
        ("metrics.a > 1 or metrics.b > 1", 15),
        ("metrics.a > 1 and", 18),
        ("params.ä = 'x", 12),
        ("metrics.a ; 1", 11),
        ("user_id in ('a')", 12),
        ("metrics.a is null", 14),
        ("run_id in ('a'", 15),
    ];
    for (text, place) in cases {
        match parse_filter(text) {
            Err(Error::Search { position, .. }) => assert_eq!(position, place, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn orders() {
    let order = |text: &str| parse_order(text).unwrap();
    assert!(!order("metrics.val_acc DESC").ascending);
    assert!(order("attributes.start_time ASC").ascending);
    assert_eq!(
        order("`start_time`").field,
        Field::Attribute(Attribute::StartTime)
    );
    for wrong in ["", "metrics.a down", "metrics.a DESC, metrics.b", "a"] {
        assert!(parse_order(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        let _ = parse_filter(&text);
        let _ = parse_order(&text);
    }

    #[test]
    fn no_words_make_it_panic(words in proptest::collection::vec(
        prop_oneof!["metrics\\.?", "params.a", "and", "is", "not", "null", "in", "=", "!=", "\\(", "\\)", ",",
            "'x'", "'", "`", "`é`", "\\.", "1", "like", "-"], 0..12)) {
        let _ = parse_filter(&words.join(" "));
        let _ = parse_filter(&words.concat());
    }

    #[test]
    fn any_string_without_its_quote_survives(value in "[^']{0,30}") {
        let parsed = one(&format!("params.a = '{value}'"));
        prop_assert_eq!(parsed.test, Test::Text(Comparator::Equal, value));
    }
}
