//! Running the model.

use pet_image::Format;
use pet_tests::{gradient, recipe};
use serde_json::{Value, json};
use tonic::Code;

use super::client::{Reply, call};
use super::messages::{
    Contents, Output, Parameter, Request, Response, Tensor, element, photograph, request,
};
use super::{start, start_with};
use crate::protocol::inference::tensor_of;
use crate::support::{Service, post};

fn infer(service: &Service, request: &Request) -> Reply {
    call("ModelInfer", request).send(service)
}

/// The outputs of the same request over HTTP.
fn over_http(service: &Service, image: &[u8]) -> Value {
    let json = json!({"inputs": [{"name": "input", "datatype": "BYTES", "shape": [1],
        "parameters": {"binary_data_size": image.len() + 4}}]});
    let json = json.to_string();
    let body = [json.as_bytes(), &element(image)].concat();
    let response = post(&format!("/v2/models/{}/infer", super::MODEL))
        .header("Inference-Header-Content-Length", &json.len().to_string())
        .body("application/octet-stream", &body)
        .send(service);
    response.json()["outputs"].clone()
}

fn numbers(raw: &[u8]) -> Vec<f32> {
    raw.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect()
}

#[test]
fn photograph_gets_the_same_answer_as_over_http() {
    let Some(service) = start() else { return };
    let image = gradient(300, 200, Format::Jpeg);
    let expected = over_http(&service, &image);
    let raw: Response = infer(&service, &Request { id: "7".into(), ..photograph(&image) }).ok();
    assert_eq!((raw.model.as_str(), raw.id.as_str()), (super::MODEL, "7"));
    let [probabilities, class] = raw.raw.as_slice() else {
        panic!("{raw:?}");
    };
    let data = expected[0]["data"].as_array().unwrap();
    let data: Vec<_> = data.iter().map(|number| number.as_f64().unwrap() as f32).collect();
    assert_eq!(numbers(probabilities), data);
    assert_eq!(class, &element(expected[1]["data"][0].as_str().unwrap().as_bytes()));
    assert_eq!(raw.outputs[0].shape, [1, 37]);

    let mut typed = request("BYTES", &[1]);
    typed.inputs[0].contents = Some(Contents { elements: vec![image], ..Contents::default() });
    let typed: Response = infer(&service, &typed).ok();
    assert!(typed.raw.is_empty());
    let contents = |at: usize| typed.outputs[at].contents.clone().unwrap();
    assert_eq!(contents(0).numbers, data);
    assert_eq!(contents(1).elements, [expected[1]["data"][0].as_str().unwrap().as_bytes()]);
}

#[test]
fn tensor_gets_the_same_answer_as_its_photograph() {
    let Some(service) = start() else { return };
    let image = gradient(300, 200, Format::Png);
    let tensor = tensor_of(&image, &service);
    let outputs = vec![
        Output { name: "probabilities".into(), ..Output::default() },
        Output {
            name: "probabilities".into(),
            parameters: [("classification".into(), Parameter { number: Some(2), text: None })]
                .into(),
        },
    ];
    let expected: Response =
        infer(&service, &Request { outputs: outputs.clone(), ..photograph(&image) }).ok();

    let size = i64::from(recipe().size());
    let empty = Request { outputs, ..request("FP32", &[1, 3, size, size]) };
    let bytes = tensor.iter().flat_map(|number| number.to_le_bytes()).collect();
    let raw: Response = infer(&service, &Request { raw: vec![bytes], ..empty.clone() }).ok();
    assert_eq!(raw, expected);
    assert_eq!(raw.outputs[1].shape, [1, 2]);

    let mut typed = empty;
    typed.inputs[0].contents = Some(Contents { numbers: tensor, ..Contents::default() });
    let typed: Response = infer(&service, &typed).ok();
    let contents = |at: usize| typed.outputs[at].contents.clone().unwrap();
    assert_eq!(contents(0).numbers, numbers(&raw.raw[0]));
    let best = &contents(1).elements[0];
    assert!(raw.raw[1].ends_with(contents(1).elements[1].as_slice()));
    assert_eq!(String::from_utf8_lossy(best).split(':').count(), 3);
}

/// A request for a photograph after a change.
fn changed(change: impl FnOnce(&mut Request)) -> Request {
    let mut request = photograph(&gradient(20, 20, Format::Png));
    change(&mut request);
    request
}

#[test]
fn invalid_inputs_are_rejected_with_a_reason() {
    let Some(service) = start_with(|settings| {
        settings.batch = std::num::NonZero::new(2).unwrap();
    }) else {
        return;
    };
    let size = i64::from(recipe().size());
    let input = |change: &dyn Fn(&mut Tensor)| changed(|request| change(&mut request.inputs[0]));
    let typed = |numbers: &[f32], elements: &[&[u8]]| {
        changed(|request| {
            request.raw.clear();
            request.inputs[0].contents = Some(Contents {
                numbers: numbers.to_vec(),
                elements: elements.iter().map(|element| element.to_vec()).collect(),
            });
        })
    };
    let twice = changed(|request| request.inputs.push(request.inputs[0].clone()));
    let both = changed(|request| {
        request.inputs[0].contents = typed(&[], &[b"x"]).inputs.remove(0).contents;
    });
    for (request, words) in [
        (changed(|request| request.inputs.clear()), "one input, got 0"),
        (twice, "one input, got 2"),
        (input(&|input| input.name = "x".into()), "no input"),
        (input(&|input| input.datatype = "INT8".into()), "FP32 or BYTES"),
        (input(&|input| input.shape = vec![-1]), "a shape contains -1"),
        (input(&|input| input.shape = vec![2]), "element 1 of the BYTES"),
        (input(&|input| input.shape = vec![1, 2]), "shape"),
        (request("FP32", &[1, 3, size, size]), "either"),
        (changed(|request| request.raw.push(Vec::new())), "either"),
        (both, "either"),
        (changed(|request| request.raw[0].truncate(9)), "element 0 of"),
        (typed(&[], &[b"", b""]), "expected 1 elements of data, got 2"),
        (typed(&[0.0], &[]), "expected 1 elements of data, got 0"),
        (typed(&[], &[b"x"]), "image 0"),
    ] {
        infer(&service, &request).error(Code::InvalidArgument, words);
    }
    let several = input(&|input| input.shape = vec![3]);
    infer(&service, &several).error(Code::ResourceExhausted, "batch");
    let model = changed(|request| request.model = "x".into());
    infer(&service, &model).error(Code::NotFound, "does not exist");
    let version = changed(|request| request.version = "x".into());
    infer(&service, &version).error(Code::NotFound, "does not exist");
    infer(&service, &changed(|_| {})).ok::<Response>();
}

#[test]
fn invalid_outputs_are_rejected_with_a_reason() {
    let Some(service) = start() else { return };
    let output = |name: &str, parameter: &str, value: Parameter| {
        changed(|request| {
            request.outputs =
                vec![Output { name: name.into(), parameters: [(parameter.into(), value)].into() }];
        })
    };
    let number = |number| Parameter { number: Some(number), text: None };
    let text = Parameter { number: None, text: Some("1".into()) };
    for (request, words) in [
        (output("x", "", number(1)), "no output"),
        (output("output", "classification", number(0)), "1 to 37"),
        (output("output", "classification", number(-1)), "positive"),
        (output("output", "classification", text.clone()), "positive"),
        (output("output", "shared_memory_region", text), "not supported"),
    ] {
        infer(&service, &request).error(Code::InvalidArgument, words);
    }
    let known = output("output", "classification", number(37));
    infer(&service, &known).ok::<Response>();
}
