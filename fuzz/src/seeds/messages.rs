//! Messages of gRPC, field by field.

use super::Seeds;
use super::bodies::picture;
use pet_image::Format;

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
