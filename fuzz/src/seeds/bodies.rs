//! Bodies of requests and responses, over HTTP and gRPC.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use pet_image::{Format, RgbImage, encode_rgb};

use super::Seeds;

/// An image file.
fn picture(format: Format) -> Vec<u8> {
    encode_rgb(&RgbImage::from_pixel(8, 6, [200, 100, 50].into()), format).expect("a small picture")
}

/// A form of parts with their headers.
fn form(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let part = |(head, content): &(String, Vec<u8>)| {
        [format!("--b\r\n{head}\r\n\r\n").as_bytes(), content, b"\r\n"].concat()
    };
    [&parts.iter().flat_map(part).collect::<Vec<_>>()[..], b"--b--\r\n"].concat()
}

fn file(name: &str, format: Format) -> (String, Vec<u8>) {
    (format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\""), picture(format))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

/// The first byte selects the path and the encoding, the second the length of the chunks.
pub(crate) fn forms() -> Seeds {
    let one = form(&[file("cat.png", Format::Png)]);
    let formats: Vec<_> = Format::WRITTEN.into_iter().map(|format| file("x", format)).collect();
    let many = vec![file("x.png", Format::Png); 40];
    let odd = vec![
        file("\u{202e}gpj.exe", Format::Gif),
        (
            format!("Content-Disposition: form-data; name=\"{}\"", "n".repeat(3000)),
            b"value".to_vec(),
        ),
        (
            "X: y\r\n".repeat(60) + "Content-Disposition: form-data; name=\"file\"",
            picture(Format::Jpeg),
        ),
        ("Content-Type: multipart/mixed; boundary=c".into(), form(&[file("inner", Format::Png)])),
    ];
    let sent = |choice: u8, piece: u8, body: &[u8]| [&[choice, piece], body].concat();
    vec![
        ("one", sent(0, 255, &one)),
        ("one_predicted", sent(1, 255, &one)),
        ("one_in_pieces", sent(0, 1, &one)),
        ("formats", sent(2, 255, &form(&formats))),
        ("too_many", sent(2, 255, &form(&many))),
        ("odd", sent(0, 4, &form(&odd))),
        ("packed", sent(8, 255, &packed(&one))),
        ("packed_zeros", sent(8, 255, &packed(&vec![0; 4 << 20]))),
        ("raw", sent(16, 255, &picture(Format::Png))),
        ("delimiters", sent(0, 2, &b"\r\n--b\r\n".repeat(300))),
    ]
}

/// The first two bytes are the length of the JSON before binary data.
pub(crate) fn inferences() -> Seeds {
    let with_length = |json: &str, tail: &[u8]| {
        [&(json.len() as u16).to_le_bytes(), json.as_bytes(), tail].concat()
    };
    let plain = |json: &str| [b"\0\0", json.as_bytes()].concat();
    let input = |fields: &str| format!(r#"{{"id":"1","inputs":[{{"name":"input",{fields}}}]}}"#);
    let photograph = picture(Format::Png);
    let length = photograph.len() + 4;
    let binary = input(&format!(
        r#""datatype":"BYTES","shape":[1],"parameters":{{"binary_data_size":{length}}}"#
    ));
    let tail = [&(photograph.len() as u32).to_le_bytes(), &photograph[..]].concat();
    let outputs =
        r#"{"name":"output","parameters":{"binary_data":true,"classification":3}},"#.repeat(15);
    vec![
        ("photograph", with_length(&binary, &tail)),
        ("base64", plain(&input(r#""datatype":"BYTES","shape":[1],"data":["iVBORw0KGgo="]"#))),
        (
            "tensor",
            plain(&input(r#""datatype":"FP32","shape":[1,3,224,224],"data":[0.5,1e308,-1]"#)),
        ),
        (
            "nested",
            plain(&input(&format!(r#""datatype":"FP32","shape":[1],"data":{}"#, "[".repeat(5000)))),
        ),
        ("inputs", plain(&format!(r#"{{"inputs":[{}{{}}]}}"#, "{},".repeat(300)))),
        ("outputs", plain(&format!(r#"{{"inputs":[],"outputs":[{outputs}{{}}]}}"#))),
        ("shape", plain(&input(r#""datatype":"FP32","shape":[4294967296,4294967296],"data":[]"#))),
    ]
}

/// The first byte selects the request and the status.
pub(crate) fn answers() -> Seeds {
    let run = r#"{"info":{"run_id":"1","status":"FINISHED","start_time":"1700000000000","artifact_uri":"mlflow-artifacts:/1"},"data":{"metrics":[{"key":"loss","value":"NaN","timestamp":1,"step":"2"}],"params":[{"key":"a","value":"b"}]},"inputs":{"dataset_inputs":[{"dataset":{"name":"d","digest":"x","source_type":"s","source":"{}"}}]}}"#;
    let version = r#"{"name":"pets","version":"3","current_stage":"None","source":"models:/m-1","run_id":"1","status":"READY","aliases":["champion"],"tags":[{"key":"a","value":"b"}]}"#;
    let model =
        r#"{"name":"pets","aliases":[{"alias":"champion","version":"3"}],"latest_versions":[]}"#;
    let experiment =
        r#"{"experiment_id":"7","name":"pets","lifecycle_stage":"active","artifact_location":"x"}"#;
    let said = |question: u8, body: String| [&[question], body.as_bytes()].concat();
    let list = |question, field: &str, item: &str, count: usize| {
        let items = vec![item; count].join(",");
        said(question, format!(r#"{{"{field}":[{items}],"next_page_token":"x"}}"#))
    };
    vec![
        ("run", said(0, format!(r#"{{"run":{run}}}"#))),
        ("runs", list(1, "runs", run, 20)),
        (
            "history",
            list(2, "metrics", r#"{"key":"loss","value":1e999,"timestamp":"1","step":1}"#, 300),
        ),
        ("experiments", list(3, "experiments", experiment, 20)),
        ("experiment", said(4, format!(r#"{{"experiment":{experiment}}}"#))),
        ("model", said(5, format!(r#"{{"registered_model":{model}}}"#))),
        ("models", list(6, "registered_models", model, 20)),
        ("versions", list(7, "model_versions", version, 20)),
        ("alias", said(8, format!(r#"{{"model_version":{version}}}"#))),
        ("download", said(9, r#"{"artifact_uri":"runs:/1/model"}"#.into())),
        ("server", said(10, "3.14.0".into())),
        ("files", list(11, "files", r#"{"path":"../x","is_dir":false,"file_size":"12"}"#, 20)),
        ("refusal", said(24, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no"}"#.into())),
        ("nested", said(0, format!(r#"{{"run":{}"#, r#"{"data":["#.repeat(3000)))),
    ]
}

/// A number of fewer than 2²¹ in protobuf's variable length.
fn number(value: usize) -> Vec<u8> {
    let bits = |shift: usize| (value >> shift & 127) as u8;
    match value {
        0..128 => vec![bits(0)],
        128..16_384 => vec![bits(0) | 128, bits(7)],
        _ => vec![bits(0) | 128, bits(7) | 128, bits(14)],
    }
}

/// A field of bytes, of a text, or of a message.
fn field(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [&[tag << 3 | 2], &number(content.len())[..], content].concat()
}

fn input(datatype: &str, shape: &[u8], rest: &[u8]) -> Vec<u8> {
    let head = [field(1, "input"), field(2, datatype), field(3, shape)].concat();
    field(5, [&head, rest].concat())
}

fn infer(fields: &[Vec<u8>]) -> Vec<u8> {
    let names = [field(1, "oxford_pet_classifier"), field(3, "7")].concat();
    [names, fields.concat()].concat()
}

/// The first byte selects the call.
pub(crate) fn calls() -> Seeds {
    let sent = |choice: u8, message: &[u8]| [&[choice], message].concat();
    let inference = |fields: &[Vec<u8>]| sent(3, &infer(fields));
    let photograph = picture(Format::Png);
    let element = [&(photograph.len() as u32).to_le_bytes(), &photograph[..]].concat();
    let typed = field(5, field(8, &photograph));
    let top = field(2, [field(1, "classification"), field(2, [16, 3])].concat());
    let output = field(6, [field(1, "output"), top].concat());
    let tensor = [&[1, 3], &number(224)[..], &number(224)].concat();
    let groups = [vec![0x0b; 2000], vec![0x0c; 2000]].concat();
    vec![
        ("ready", sent(0, &field(1, "oxford_pet_classifier"))),
        ("metadata", sent(1, &[field(1, "x"), field(2, "1")].concat())),
        ("load", sent(2, &field(2, "x"))),
        ("photograph", inference(&[input("BYTES", &[1], &typed), output.clone()])),
        ("raw", inference(&[input("BYTES", &[1], &[]), field(7, element)])),
        ("tensor", inference(&[input("FP32", &tensor, &[]), field(7, [0; 16])])),
        ("shape", inference(&[input("FP32", &[255; 80], &[])])),
        ("inputs", inference(&vec![input("FP32", &[1], &[]); 300])),
        ("outputs", inference(&vec![output; 300])),
        ("groups", inference(&[groups])),
        ("not_a_message", sent(19, b"\x01\0\0\0\x05hello")),
    ]
}
