//! Weights, models and lists.

use crate::root;
use onnx_graph::{DataType, Graph, Model};

use super::Seeds;

/// Pickles, which the target puts into an archive.
pub(crate) fn pickles() -> Seeds {
    let tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\00\
        X\x03\0\0\0cpuK\x10tQK\0K\x04K\x04\x86K\x04K\x01\x86\x89ccollections\nOrderedDict\n)RtR";
    let named =
        |count: u8| (0..count).flat_map(|at| [b"X\x01\0\0\0", &[b'0' + at][..], tensor].concat());
    let dict = |count| [b"\x80\x02}(", &named(count).collect::<Vec<_>>()[..], b"u."].concat();
    let nested = |open: &[u8], close: &[u8]| {
        [b"\x80\x02", &open.repeat(2000)[..], &close.repeat(2000), b"."].concat()
    };
    vec![
        ("tensor", dict(1)),
        ("tensors", dict(60)),
        ("lists", nested(b"]", b"a")),
        ("tuples", nested(b"(", b"t")),
        ("dicts", nested(b"}X\x01\0\0\0a", b"s")),
        ("doubled", [b"\x80\x02]q\0", &b"h\0h\0\x86q\0".repeat(200)[..], b"."].concat()),
    ]
}

/// Without the length of the header, which the target adds.
pub(crate) fn safetensors() -> Seeds {
    let entry = |at: usize, shape: &str| {
        let range = format!("[{},{}]", at * 16, at * 16 + 16);
        format!("\"layer.{at}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{range}}}")
    };
    let file = |entries: Vec<String>, data: usize| {
        [format!("{{{}}}", entries.join(",")).as_bytes(), &vec![0; data]].concat()
    };
    vec![
        ("one", file(vec![entry(0, "[2,2]")], 16)),
        ("many", file((0..200).map(|at| entry(at, "[4,1]")).collect(), 3200)),
        ("overflowing", file(vec![entry(0, "[4294967296,4294967296,4]")], 16)),
        ("axes", file(vec![entry(0, &format!("[4{}]", ",1".repeat(500)))], 16)),
        ("nested", [b"{\"a\":", &b"[".repeat(5000)[..]].concat()),
        ("metadata", b"{\"__metadata__\":{\"format\":\"pt\"}}".to_vec()),
    ]
}

pub(crate) fn models() -> Seeds {
    let tiny = root().join("crates/mlflow-client/tests/data/tiny.onnx");
    vec![
        ("tiny", fs_err::read(tiny).expect("a model of the tests")),
        ("chain", chain().expect("a sound model")),
        ("subgraphs", nested(7, &[1, 5, 6])),
        ("sequences", nested(7, &[11, 2, 4, 1])),
        ("empty_nodes", [&[0x3a, 0xd0, 0x0f][..], &[0x0a, 0].repeat(1000)].concat()),
    ]
}

/// A chain of many nodes.
fn chain() -> Result<Vec<u8>, onnx_graph::Error> {
    let mut graph = Graph::new("chain");
    let mut value = graph.input("input", DataType::F32, &["batch".into(), 3.into()])?;
    for at in 0..100 {
        value = graph.clip(&format!("clip{at}"), &value, 0.0, 6.0)?;
    }
    graph.output("output", &value)?;
    Model::new(graph, 18).with_metadata("a", "b").to_bytes()
}

/// Nested messages: field `outermost`, then repeatedly `fields`.
fn nested(outermost: u8, fields: &[u8]) -> Vec<u8> {
    let rounds = fields.iter().rev().cycle().take(120);
    rounds.chain([&outermost]).fold(Vec::new(), |inner, field| {
        let (low, high) = (inner.len() as u8 & 0x7f | 0x80, (inner.len() >> 7) as u8);
        [&[field << 3 | 2, low, high][..], &inner].concat()
    })
}

/// Changes of the committed model: four bytes for the position, and the new byte.
pub(crate) fn changes() -> Seeds {
    let change = |number: u32| {
        [&number.wrapping_mul(0x9e37_79b1).to_le_bytes()[..], &[number as u8]].concat()
    };
    vec![("none", Vec::new()), ("one", change(1)), ("many", (1..=64).flat_map(change).collect())]
}

pub(crate) fn annotations() -> Seeds {
    let lines = "Abyssinian_1 1 1 1\namerican_bulldog_10 2 2 1\nMaine_Coon_7 3 1 2\n";
    vec![
        ("lists", format!("{lines}\0Abyssinian_2 1 1 1\n").into_bytes()),
        ("no_test", lines.replace('\n', "\r\n").into_bytes()),
        ("high", b"Abyssinian_1 10000 1 1\n".to_vec()),
        ("many", "Abyssinian_1 1 1 1\n".repeat(500).into_bytes()),
        ("wide", "x".repeat(5000).into_bytes()),
        ("classes", br#"["Abyssinian","Bengal","a\u0000b"]"#.to_vec()),
        ("nested", "[".repeat(5000).into_bytes()),
    ]
}
