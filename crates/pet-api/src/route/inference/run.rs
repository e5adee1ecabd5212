//! `POST /v2/models/{name}/infer`

use actix_web::web::{Data, Json};
use actix_web::{Either, HttpResponse};

use crate::error::ApiError;
use crate::open_inference::ProtocolError;
use crate::open_inference::request::HEADER_LENGTH;
use crate::open_inference::response::{Body, Response};
use crate::open_inference::run::{Inference, infer as run};
use crate::route::inference::content::Content;
use crate::route::inference::model::Named;
use crate::state::State;

/// Work for each byte of JSON, relative to a pixel of a JPEG.
const JSON_WORK: u64 = 2;

/// Runs the model on tensors or on photographs.
pub(super) async fn infer(
    Named(split): Named,
    state: Data<State>,
    content: Content,
) -> Result<Either<Json<Response>, HttpResponse>, ProtocolError> {
    let Content { json, tail, deadline } = content;
    let work = json.len() as u64 * JSON_WORK;
    let read = move |rules| Inference::read(&json, &tail, rules);
    let inferred = run(&state, split, deadline, work, read).await?;
    respond(Body::new(inferred))
}

fn respond(body: Body) -> Result<Either<Json<Response>, HttpResponse>, ProtocolError> {
    let Some(tail) = body.tail else {
        return Ok(Either::Left(Json(body.response)));
    };
    let json = serde_json::to_vec(&body.response).map_err(|error| ApiError::internal(&error))?;
    let mut response = HttpResponse::Ok();
    response.content_type("application/octet-stream").insert_header((HEADER_LENGTH, json.len()));
    Ok(Either::Right(response.body([json, tail].concat())))
}
